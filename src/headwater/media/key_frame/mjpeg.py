"""Key frames in JPEG over RTP (RFC 2435): every picture is one."""

from collections.abc import Sequence

from headwater.media.key_frame.detector import KeyFrameDetector
from headwater.protocol.rtp import payload_offset

_HEADER_BYTES = 8


class MjpegKeyFrames(KeyFrameDetector):
    """Finds the first packet of a picture: its fragment offset is 0."""

    __slots__ = ()

    def find(self, packets: Sequence[bytes]) -> int:
        """See `KeyFrameDetector.find`."""
        for index, packet in enumerate(packets):
            at = payload_offset(packet) if packet[0] & 0x1F else 12
            # RFC 2435 §3.1: one type-specific byte, then the offset in three.
            if packet[at + 1 : at + 4] == b"\0\0\0" and len(packet) >= at + _HEADER_BYTES:
                return index
        return -1

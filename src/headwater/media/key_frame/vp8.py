"""Key frames in VP8 over RTP (RFC 7741)."""

from collections.abc import Sequence

from headwater.media.key_frame.detector import KeyFrameDetector
from headwater.protocol.rtp import payload_offset

# RFC 7741 §4.2: S (start of a partition) and the partition's index; a frame starts with both so.
_START_MASK = 0x17
_FRAME_START = 0x10
_EXTENDED = 0x80


class Vp8KeyFrames(KeyFrameDetector):
    """Finds frames whose payload header says that they depend on no other."""

    __slots__ = ()

    def find(self, packets: Sequence[bytes]) -> int:
        """See `KeyFrameDetector.find`."""
        for index, packet in enumerate(packets):
            try:
                at = payload_offset(packet) if packet[0] & 0x1F else 12
                if packet[at] & _START_MASK == _FRAME_START and _is_key_frame(packet, at):
                    return index
            except IndexError:
                continue
        return -1


def _is_key_frame(packet: bytes, at: int) -> bool:
    header = at + 1
    if packet[at] & _EXTENDED:
        present = packet[header]
        header += 1
        if present & 0x80:
            # The picture id has two bytes when its first bit is set.
            header += 2 if packet[header] & 0x80 else 1
        header += (present >> 6 & 1) + bool(present & 0x30)
    # RFC 7741 §4.3: the P bit is 0 for a key frame.
    return not packet[header] & 0x01

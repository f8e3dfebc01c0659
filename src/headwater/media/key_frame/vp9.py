"""Key frames in VP9 over RTP (RFC 9628)."""

from collections.abc import Sequence

from headwater.media.key_frame.detector import KeyFrameDetector
from headwater.protocol.payload.vp9 import (
    FRAME_START,
    INTER_PREDICTED,
    begins_key_frame,
    descriptor_end,
    spatial_layer,
)
from headwater.protocol.rtp import payload_offset


class Vp9KeyFrames(KeyFrameDetector):
    """Finds frames that the codec's own header calls key frames.

    The descriptor alone does not tell: ffmpeg never sets its P bit, and intra-only frames leave it
    out as key frames do.
    """

    __slots__ = ()

    def find(self, packets: Sequence[bytes]) -> int:
        """See `KeyFrameDetector.find`."""
        for index, packet in enumerate(packets):
            try:
                at = payload_offset(packet) if packet[0] & 0x1F else 12
                descriptor = packet[at]
                if (
                    descriptor & FRAME_START
                    and not descriptor & INTER_PREDICTED
                    # A higher spatial layer cannot be decoded without the ones below it.
                    and not spatial_layer(packet, at)
                    and begins_key_frame(packet[descriptor_end(packet, at)])
                ):
                    return index
            except IndexError:
                continue
        return -1

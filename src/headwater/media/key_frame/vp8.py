"""Key frames in VP8 over RTP (RFC 7741)."""

from collections.abc import Sequence

from headwater.media.key_frame.detector import KeyFrameDetector
from headwater.protocol.payload.vp8 import (
    FRAME_START,
    INTER_FRAME,
    START_MASK,
    descriptor_end,
)
from headwater.protocol.rtp import payload_offset


class Vp8KeyFrames(KeyFrameDetector):
    """Finds frames whose payload header says that they depend on no other."""

    __slots__ = ()

    def find(self, packets: Sequence[bytes]) -> int:
        """See `KeyFrameDetector.find`."""
        for index, packet in enumerate(packets):
            try:
                at = payload_offset(packet) if packet[0] & 0x1F else 12
                if (
                    packet[at] & START_MASK == FRAME_START
                    and not packet[descriptor_end(packet, at)] & INTER_FRAME
                ):
                    return index
            except IndexError:
                continue
        return -1

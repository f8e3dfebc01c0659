"""VP8 packets to frames (RFC 7741)."""

from collections.abc import Sequence

from headwater.codecs.frame_depacketizer import FrameDepacketizer
from headwater.codecs.vp8.config import Vp8Config
from headwater.protocol.payload.vp8 import FRAME_START, INTER_FRAME, START_MASK, descriptor_end
from headwater.protocol.rtp import HEADER_BYTES


class Vp8Depacketizer(FrameDepacketizer[Vp8Config]):
    """Puts the partitions of a frame together."""

    __slots__ = ("config",)

    def __init__(self, *, payload_types: Sequence[int] = (), keeps_damaged: bool = False) -> None:
        super().__init__(payload_types=payload_types, keeps_damaged=keeps_damaged)
        self.config: Vp8Config | None = None
        """What the last key frame says; None until one came."""

    def _collect(self, packet: bytes) -> None:
        at = descriptor_end(packet, HEADER_BYTES)
        if not self._open:
            if packet[HEADER_BYTES] & START_MASK != FRAME_START:
                # The frame's first packet is missing.
                self._broken = True
                return
            self._open = True
        self._add(packet[at:])

    def _is_key_frame(self, units: Sequence[bytes]) -> bool:
        if units[0][0] & INTER_FRAME:
            return False
        config = Vp8Config.of_key_frame(units[0])
        if config != self.config:
            self.config = config
        return True

"""VP9 packets to frames (RFC 9628)."""

from collections.abc import Sequence

from headwater.codecs.frame_depacketizer import FrameDepacketizer
from headwater.codecs.vp9.config import Vp9Config
from headwater.protocol.payload.vp9 import (
    FRAME_END,
    FRAME_START,
    begins_key_frame,
    descriptor_end,
)
from headwater.protocol.rtp import HEADER_BYTES


class Vp9Depacketizer(FrameDepacketizer[Vp9Config]):
    """Puts the frames of a picture together, one for each spatial layer."""

    __slots__ = ("config",)

    def __init__(self, *, payload_types: Sequence[int] = (), keeps_damaged: bool = False) -> None:
        super().__init__(payload_types=payload_types, keeps_damaged=keeps_damaged)
        self.config: Vp9Config | None = None
        """What the last key frame says; None until one came."""

    def _collect(self, packet: bytes) -> None:
        at = descriptor_end(packet, HEADER_BYTES)
        descriptor = packet[HEADER_BYTES]
        if descriptor & FRAME_START:
            self._begin_unit()
        elif not self._open:
            # The frame's first packet is missing.
            self._broken = True
            return
        self._add(packet[at:])
        if descriptor & FRAME_END:
            self._end_unit()

    def _is_key_frame(self, units: Sequence[bytes]) -> bool:
        if not begins_key_frame(units[0][0]):
            return False
        config = Vp9Config.of_key_frame(units[0])
        if config != self.config:
            self.config = config
        return True

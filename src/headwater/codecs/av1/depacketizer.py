"""AV1 packets to temporal units."""

from collections.abc import Sequence

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.av1.config import Av1Config
from headwater.codecs.av1.obu import payload_of, read_leb128, with_size
from headwater.codecs.frame_depacketizer import FrameDepacketizer
from headwater.protocol.payload import av1
from headwater.protocol.rtp import HEADER_BYTES

_LEFT_OUT = frozenset({av1.OBU_TEMPORAL_DELIMITER, av1.OBU_TILE_LIST, av1.OBU_PADDING})
_FRAMES = frozenset({av1.OBU_FRAME, av1.OBU_FRAME_HEADER})
# AV1 specification §5.9.2: show_existing_frame and frame_type are 0 for a key frame.
_NOT_KEY = 0xE0


class Av1Depacketizer(FrameDepacketizer[Av1Config]):
    """Puts OBUs together; each is given with a size field, key frames with the sequence header."""

    __slots__ = ("config",)

    def __init__(self, *, payload_types: Sequence[int] = (), keeps_damaged: bool = False) -> None:
        super().__init__(payload_types=payload_types, keeps_damaged=keeps_damaged)
        self.config: Av1Config | None = None
        """What the last sequence header says; None until one came."""

    def _collect(self, packet: bytes) -> None:
        aggregation = packet[HEADER_BYTES]
        at = HEADER_BYTES + 1
        end = len(packet)
        count = (aggregation & av1.COUNT) >> 4
        if self._open and not aggregation & av1.CONTINUES:
            self._broken = True
        index = 0
        while at < end:
            index += 1
            stop = end
            if index != count:
                size, at = read_leb128(packet, at)
                stop = at + size
                if stop > end:
                    raise IndexError("an OBU element that runs past the end")
            if index > 1 or not aggregation & av1.CONTINUES:
                self._begin_unit()
            elif not self._open:
                # What the element goes on with is missing.
                self._broken = True
                at = stop
                continue
            self._add(packet[at:stop])
            at = stop
        if not aggregation & av1.CONTINUED:
            self._end_unit()

    def _finish(self) -> Sequence[AccessUnit]:
        # An element that is open goes on in a packet that never came.
        self._broken |= self._open
        return super()._finish()

    def _end_unit(self) -> None:
        """End an OBU; keep it with its size where decoders need it."""
        if self._open and self._frame:
            unit, self._frame = bytes(self._frame), bytearray()
            if av1.obu_type(unit[0]) not in _LEFT_OUT:
                try:
                    self._frame += with_size(unit)
                except IndexError:
                    self._broken = True
                    self.counters.broken_packets += 1
        super()._end_unit()

    def _is_key_frame(self, units: Sequence[bytes]) -> bool:
        for unit in units:
            kind = av1.obu_type(unit[0])
            if kind == av1.OBU_SEQUENCE_HEADER:
                if self.config is None or unit != self.config.sequence_header:
                    self.config = Av1Config.parse(unit)
            elif kind in _FRAMES:
                return not payload_of(unit)[0] & _NOT_KEY
        return False

    def _whole(self, units: tuple[bytes, ...]) -> tuple[bytes, ...]:
        if self.config is None:
            return ()
        if any(av1.obu_type(unit[0]) == av1.OBU_SEQUENCE_HEADER for unit in units):
            return units
        return (self.config.sequence_header, *units)

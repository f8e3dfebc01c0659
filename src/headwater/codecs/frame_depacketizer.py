"""Packets to access units where a picture's payloads only have to be put together."""

from abc import abstractmethod
from collections.abc import Sequence

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.depacketizer import MOST_UNIT_BYTES, MOST_UNITS, Config_co, VideoDepacketizer

_MARKER = 0x80


class FrameDepacketizer(VideoDepacketizer[Config_co]):
    """Collects what packets of one timestamp hold, up to the one with the marker.

    Args:
        payload_types: as for `Depacketizer`.
        keeps_damaged: as for `VideoDepacketizer`.
    """

    __slots__ = ("_broken", "_frame", "_marks", "_open", "_room", "_timestamp", "_units")

    def __init__(self, *, payload_types: Sequence[int] = (), keeps_damaged: bool = False) -> None:
        super().__init__(payload_types=payload_types, keeps_damaged=keeps_damaged)
        self._timestamp = b""
        self._marks = False
        self._reset()

    def _reset(self) -> None:
        self._units: list[bytes] = []
        self._frame = bytearray()
        # A unit is begun in `_frame`, empty though it may be.
        self._open = False
        self._broken = False
        self._room = MOST_UNIT_BYTES

    def flush(self) -> Sequence[AccessUnit]:
        """See `Depacketizer.flush`."""
        if not (self._open or self._units):
            return ()
        self._broken |= self._marks
        return self._finish()

    @abstractmethod
    def _collect(self, packet: bytes) -> None:
        """Take what a packet holds; `IndexError` says that it is shorter than it tells."""

    @abstractmethod
    def _is_key_frame(self, units: Sequence[bytes]) -> bool:
        """Return whether a decoder can begin with these units, which are whole."""

    def _whole(self, units: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Return the units with what belongs to them and did not come; none where it is unknown."""
        return units

    def _take(self, packet: bytes) -> Sequence[AccessUnit]:
        given: Sequence[AccessUnit] = ()
        if packet[4:8] != self._timestamp:
            if self._open or self._units or self._broken:
                given = self._finish()
            self._timestamp = packet[4:8]
        try:
            self._collect(packet)
        except IndexError:
            self._broken_packet()
            self._broken = True
        if packet[1] & _MARKER:
            self._marks = True
            ended = self._finish()
            return (*given, *ended) if given else ended
        return given

    def _add(self, part: bytes) -> None:
        """Put more to the unit that is open."""
        self._frame += part
        if len(self._frame) > self._room:
            self._overflow()

    def _begin_unit(self) -> None:
        self._end_unit()
        self._open = True

    def _end_unit(self) -> None:
        if not self._open:
            return
        self._open = False
        if self._frame:
            self._room -= len(self._frame)
            self._units.append(bytes(self._frame))
            self._frame = bytearray()
        if len(self._units) > MOST_UNITS:
            self._overflow()

    def _overflow(self) -> None:
        self._reset()
        self._broken = True
        self.counters.broken_packets += 1

    def _lose(self) -> None:
        self._waits = True
        if self._open or self._units:
            self._broken = True
        if self._open:
            self._open = False
            self._frame = bytearray()

    def _finish(self) -> Sequence[AccessUnit]:
        """End the access unit and give it, or drop it."""
        self._end_unit()
        units, broken = tuple(self._units), self._broken
        self._reset()
        key = False
        if units and not broken:
            try:
                key = self._is_key_frame(units)
                units = self._whole(units) if key else units
            except (ValueError, IndexError):
                # A header that cannot be read: no decoder can do more with it.
                units = ()
        return self._deliver(
            int.from_bytes(self._timestamp, "big"),
            units,
            key_frame=key,
            broken=broken or not units,
        )

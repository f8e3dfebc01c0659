"""What goes into a decoder: an access unit, and what is known of it beside its bytes."""

from dataclasses import dataclass

from headwater.codecs.access_unit import AccessUnit
from headwater.libav.decoding.wall_clock import WallTime
from headwater.media.tracks.timeline import signed_32

_MOST_INSIDE = 64
"""Access units that a decoder may hold at one time: those of the deepest reordering are 16."""


@dataclass(frozen=True, slots=True)
class CodedUnit:
    """One access unit on its way to a decoder.

    Attributes:
        unit: the access unit.
        position: its timestamp, counted on past 32 bits, in units of the clock rate.
        arrived_s: when its last packet came, by the monotonic clock.
        wall_time: when the camera took it, by the camera's own clock.
        lost_packets: packets of the source that are missing up to here, since its beginning.
        size_bytes: of all its parts.
    """

    unit: AccessUnit
    position: int
    arrived_s: float
    wall_time: WallTime | None
    lost_packets: int
    size_bytes: int


class LongTimestamps:
    """Counts RTP timestamps on past 32 bits, so that a decoder sees time that never turns back."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int | None = None

    def extend(self, timestamp: int) -> int:
        """Return the number nearest to the one before whose lower 32 bits are `timestamp`."""
        if self._last is None:
            self._last = timestamp
        else:
            self._last += signed_32(timestamp - self._last)
        return self._last


class UnitsInside:
    """The access units that a decoder holds, by their positions: which one a frame is of."""

    __slots__ = ("_units",)

    def __init__(self) -> None:
        self._units: dict[int, CodedUnit] = {}

    def add(self, coded: CodedUnit) -> None:
        """Note one that goes in."""
        units = self._units
        units[coded.position] = coded
        if len(units) > _MOST_INSIDE:
            del units[next(iter(units))]

    def take(self, position: int | None, last: CodedUnit) -> CodedUnit:
        """Return the one that came out; the last that went in, where that is not known."""
        return last if position is None else self._units.pop(position, last)

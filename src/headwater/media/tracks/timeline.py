"""How the RTP clocks of a presentation's tracks hang together.

Each track counts in its own units from its own random start. What ties them is the publisher's
sender reports, which name one instant on its wall clock and on the track's clock (RFC 3550
§6.4.1); before there are any, the moments at which packets came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOST_DISAGREEMENT_S = 2.0
"""Reports that put a track further than this from where its packets' arrival puts it are not
believed: some cameras report wall clocks that have nothing to do with each other."""

MOST_APART_S = 10.0
"""A report is of an instant nearer than this to the packets beside it. Clocks begin at random (RFC
3550 §5.1): of a thousand pairs not one of 90 kHz is so near."""

NTP_SECOND = 1 << 32
"""One second in units of a 64-bit NTP time stamp (RFC 3550 §4)."""
_MASK = 0xFFFFFFFF


def signed_32(difference: int) -> int:
    """Return a difference of RTP timestamps as a signed number, across their wrap."""
    return ((difference + 0x80000000) & _MASK) - 0x80000000


def is_same_clock(timestamp: int, other: int, clock_rate_hz: int) -> bool:
    """Return whether two timestamps are near enough to be of one RTP clock."""
    return abs(signed_32(timestamp - other)) <= MOST_APART_S * clock_rate_hz


@dataclass(frozen=True, slots=True)
class SenderClock:
    """One instant as a sender report gives it.

    Attributes:
        ntp: wall clock, 64-bit NTP time stamp.
        timestamp: the same instant on the track's RTP clock.
    """

    ntp: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class TrackClock:
    """Where a track's RTP clock stands.

    Attributes:
        clock_rate_hz: timestamp units per second.
        timestamp: of some packet.
        arrived_s: when that packet came, seconds of the mount's clock.
        report: from the track's last sender report, None without one.
    """

    clock_rate_hz: int
    timestamp: int
    arrived_s: float
    report: SenderClock | None = None

    def timestamp_at(self, now: float) -> int:
        """Return where the clock stands at an instant of the mount's clock."""
        passed = round((now - self.arrived_s) * self.clock_rate_hz)
        return self.timestamp + passed & _MASK

    def ntp_at(self, timestamp: int) -> int | None:
        """Wall clock of `timestamp` by the last report, as a 64-bit NTP time stamp."""
        if self.report is None:
            return None
        units = signed_32(timestamp - self.report.timestamp)
        return self.report.ntp + units * NTP_SECOND // self.clock_rate_hz


def anchor_of(clocks: Mapping[int, TrackClock]) -> int:
    """Return the track to anchor a timeline at: the first with a report, or the first of all."""
    return next((index for index, clock in clocks.items() if clock.report), min(clocks))


class Timeline:
    """Timestamps of all tracks at one instant of the mount's clock.

    `anchor` is the track whose packet ties the mount's clock to the presentation: at its
    `arrived_s` the presentation stands at its `timestamp`.
    """

    __slots__ = ("_anchor", "_anchor_ntp", "_clocks", "instants")

    def __init__(self, clocks: Mapping[int, TrackClock], anchor: int) -> None:
        self._clocks = clocks
        self._anchor = clocks[anchor]
        self._anchor_ntp = self._anchor.ntp_at(self._anchor.timestamp)
        self.instants: dict[int, float] = {}
        """By track: the instant of its `timestamp`, by its reports if they are credible."""
        for index, clock in clocks.items():
            self.instants[index] = self._instant_of(clock)

    def ntp_at(self, instant_s: float) -> int | None:
        """Return the publisher's wall clock at an instant, None without reports."""
        if self._anchor_ntp is None:
            return None
        return self._anchor_ntp + round((instant_s - self._anchor.arrived_s) * NTP_SECOND)

    def timestamp_at(self, track_index: int, instant_s: float) -> int:
        """Return the RTP timestamp of a track at an instant, 32 bits."""
        clock = self._clocks[track_index]
        late_s = instant_s - self.instants[track_index]
        return (clock.timestamp + round(late_s * clock.clock_rate_hz)) & _MASK

    def _instant_of(self, clock: TrackClock) -> float:
        ntp = clock.ntp_at(clock.timestamp)
        if ntp is None or self._anchor_ntp is None:
            return clock.arrived_s
        instant_s = self._anchor.arrived_s + (ntp - self._anchor_ntp) / NTP_SECOND
        if abs(instant_s - clock.arrived_s) > MOST_DISAGREEMENT_S:
            return clock.arrived_s
        return instant_s

"""Which time stamp a picture or sound gets, and the wall clock at it.

A picture's time is when the program gives it, by the monotonic clock; where the program says when
it was taken, by that clock. Readers learn the wall clock from sender reports (RFC 3550 §6.4.1).
"""

from __future__ import annotations

from dataclasses import dataclass

_MOST_STEP_S = 1.0
"""A wall clock that goes so much faster or slower than the monotonic one was set anew."""
_REPORT_INTERVAL_S = 1.0
_LATE_SOUND_S = 0.2
"""Samples that come so much later than the ones before them end are not their continuation."""
_EXACT_S, _NEARLY_S = 0.001, 0.02
"""How far the wall clock may be from what readers work out, of pictures and of sound."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A place on a track's time line.

    Attributes:
        position: in units of the clock rate, counted on past 32 bits.
        wall_s: the wall clock there, in seconds since 1970.
        is_reported: whether readers have to be told of it now.
    """

    position: int
    wall_s: float
    is_reported: bool


class _Reports:
    """When readers are told: at first, every second, and when what they know is wrong."""

    def __init__(self, clock_rate_hz: int, tolerance_s: float) -> None:
        self._rate_hz = clock_rate_hz
        self._tolerance_s = tolerance_s
        self._told: tuple[int, float] | None = None

    def placed(self, position: int, wall_s: float, *, must_agree: bool) -> Placed:
        """Return a place; `must_agree` says that the wall clock is exact there."""
        if self._told is None:
            due = True
        else:
            told_at, told_s = self._told
            media_s = (position - told_at) / self._rate_hz
            differs = must_agree and abs(wall_s - told_s - media_s) > self._tolerance_s
            due = media_s >= _REPORT_INTERVAL_S or differs
        if due:
            self._told = position, wall_s
        return Placed(position, wall_s, due)


class PictureClock:
    """Places pictures."""

    def __init__(self, clock_rate_hz: int, start: int) -> None:
        """`start` is where the first one is placed."""
        self._rate_hz = clock_rate_hz
        self._position = start
        self._last: tuple[float, float] | None = None
        self._reports = _Reports(clock_rate_hz, _EXACT_S)

    def place(self, given_s: float, wall_s: float, *, told: bool) -> Placed:
        """Return where the next picture is.

        Args:
            given_s: when the program gave it, by the monotonic clock.
            wall_s: when it was taken, in seconds since 1970.
            told: whether the program said so; otherwise it was taken when it was given.
        """
        if self._last is not None:
            last_given_s, last_wall_s = self._last
            passed_s = given_s - last_given_s
            if told and 0 < (taken_s := wall_s - last_wall_s) < passed_s + _MOST_STEP_S:
                passed_s = taken_s
            # RFC 3550 §5.1: pictures of different instants have different time stamps.
            self._position += max(1, round(passed_s * self._rate_hz))
        self._last = given_s, wall_s
        return self._reports.placed(self._position, wall_s, must_agree=told)


class SoundClock:
    """Places samples: they follow each other without a gap, unless some are missing."""

    def __init__(self, clock_rate_hz: int, start: int) -> None:
        """`start` is where the first sample is placed."""
        self._rate_hz = clock_rate_hz
        self._next = start
        self._ends_s: float | None = None
        self._reports = _Reports(clock_rate_hz, _NEARLY_S)

    def place(self, given_s: float, count: int, wall_s: float, *, told: bool) -> Placed:
        """Return where the next samples begin.

        Args:
            given_s: when the program gave them, by the monotonic clock.
            count: how many they are.
            wall_s: when the first one was taken, in seconds since 1970.
            told: whether the program said so; otherwise the last one was taken when it was given.
        """
        begins_s = given_s - count / self._rate_hz
        if self._ends_s is None:
            self._ends_s = begins_s
        elif (late_s := begins_s - self._ends_s) > _LATE_SOUND_S:
            self._next += round(late_s * self._rate_hz)
            self._ends_s = begins_s
        position = self._next
        self._next += count
        self._ends_s += count / self._rate_hz
        return self._reports.placed(position, wall_s, must_agree=told)

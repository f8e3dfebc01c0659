"""The wall clock of a camera at the RTP timestamps of its frames."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from headwater.media.tracks.timeline import SenderClock, signed_32

_NTP_SECOND = 1 << 32
_NTP_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)
_UNSET_BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
"""A camera that tells an earlier date was never told the time."""
_MOST_DISAGREEMENT_S = 0.05
"""How far a report may be from what the one before it foretold."""
_LONGEST_S = 30.0
"""How long a report holds: camera clocks drift by up to 200 ppm, 6 ms in this time."""


@dataclass(frozen=True, slots=True)
class WallTime:
    """An instant by the camera's own clock.

    Attributes:
        at: the instant, in UTC.
        trusted: the camera's reports are recent, agree with each other, and its date was set.
    """

    at: datetime
    trusted: bool


class _Before(NamedTuple):
    """What held before a camera's clock was set."""

    report: SenderClock
    agreed: bool
    until: int
    """The RTP timestamp of the report that does not follow from it."""


class WallClock:
    """Tells wall clock by the sender reports of one track (RFC 3550 §6.4.1).

    A report that does not follow from the one before it tells that the camera's clock was set: it
    holds from its own RTP timestamp on. Pictures may come together with the report that is behind
    them, and their time is that of the report before.
    """

    __slots__ = ("_agrees", "_before", "_clock_rate_hz", "_report")

    def __init__(self, clock_rate_hz: int) -> None:
        self._clock_rate_hz = clock_rate_hz
        self._report: SenderClock | None = None
        self._agrees = False
        self._before: _Before | None = None

    def take(self, report: SenderClock) -> None:
        """Note the last sender report; one that is known already is no other."""
        # Cameras without a clock send zero (RFC 3550 §6.4.1).
        if not report.ntp or report == self._report:
            return
        before, self._report = self._report, report
        if before is None:
            return
        agreed, self._agrees = self._agrees, self._follows(before, report)
        if not self._agrees:
            self._before = _Before(before, agreed, report.timestamp)

    def at(self, timestamp: int) -> WallTime | None:
        """Return the wall clock of a timestamp; None before the first report."""
        report, before = self._report, self._before
        if report is None:
            return None
        if before is None or self._between_s(before.until, timestamp) >= 0:
            return self._by(report, timestamp, agrees=self._agrees)
        passed_s = self._between_s(before.report.timestamp, timestamp)
        if abs(passed_s) > _LONGEST_S:
            # The RTP clock was set as well: the report before knows nothing of this timestamp.
            return self._by(report, timestamp, agrees=self._agrees)
        # Somewhere between the two reports the clock was set; nobody knows where.
        return self._by(before.report, timestamp, agrees=before.agreed and passed_s <= 0)

    def _by(self, report: SenderClock, timestamp: int, *, agrees: bool) -> WallTime | None:
        passed_s = self._between_s(report.timestamp, timestamp)
        try:
            instant = _instant(report.ntp) + timedelta(seconds=passed_s)
        except OverflowError:
            return None
        trusted = agrees and abs(passed_s) <= _LONGEST_S and instant >= _UNSET_BEFORE
        return WallTime(instant, trusted)

    def _follows(self, before: SenderClock, after: SenderClock) -> bool:
        """Whether wall clock and RTP clock went on alike from one report to the next."""
        wall_s = (after.ntp - before.ntp) / _NTP_SECOND
        media_s = self._between_s(before.timestamp, after.timestamp)
        return abs(wall_s - media_s) <= _MOST_DISAGREEMENT_S

    def _between_s(self, start: int, end: int) -> float:
        return signed_32(end - start) / self._clock_rate_hz


def _instant(ntp: int) -> datetime:
    # RFC 4330 §3: times before 1968 are of the era that begins in 2036.
    seconds = ntp / _NTP_SECOND
    if not ntp >> 63:
        seconds += _NTP_SECOND
    return _NTP_EPOCH + timedelta(seconds=seconds)

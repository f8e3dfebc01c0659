"""Sender reports for publishers that send none, from the times at which their packets came."""

from __future__ import annotations

from headwater.media.timeline import NTP_SECOND, SenderClock, TrackClock, signed_32

SILENCE_S = 10.0
"""A publisher that has not reported for so long since it came is taken for one that never does."""

INTERVAL_S = 5.0
"""RFC 3550 §6.2 has reports about so often."""

_MOST_STEP_S = 1.0
"""A difference above this is a new start of the clock rather than jitter or drift."""

_SHARE = 8
"""Of what a report differs from the line so far, this part is taken over: packets come in bursts,
clocks drift slowly."""


class OwnReports:
    """When a track is due a report of the server's own, and what its clock line is.

    Recorders that wait for the first report (UniFi Protect) record then, and tracks keep step. A
    publisher's own reports always go before these: once it has sent one, none are made.
    """

    __slots__ = ("_due_s", "_line", "_publisher_reports")

    def __init__(self) -> None:
        self._due_s: float | None = None
        # A wall clock time and what the track's clock says then, as the last report had it.
        self._line: SenderClock | None = None
        self._publisher_reports = False

    def publisher_reported(self) -> None:
        """Make no more reports: the publisher does."""
        self._publisher_reports = True

    def next_publisher(self) -> None:
        """Look anew whether reports come; the line goes on as readers know it."""
        self._publisher_reports = False
        self._due_s = None

    def due(self, now: float, since_s: float) -> bool:
        """Whether a report is due now; the publisher has been there since `since_s`."""
        if self._publisher_reports:
            return False
        if self._due_s is None:
            self._due_s = since_s + SILENCE_S
        if now < self._due_s:
            return False
        self._due_s = now + INTERVAL_S
        return True

    def report(self, clock: TrackClock, now: float, ntp: int) -> SenderClock:
        """The report for now: the wall clock `ntp` and the track's clock at the same instant."""
        rate = clock.clock_rate_hz
        seen = clock.timestamp + round((now - clock.arrived_s) * rate) & 0xFFFFFFFF
        timestamp = seen
        if self._line is not None:
            passed = (ntp - self._line.ntp) * rate // NTP_SECOND
            expected = self._line.timestamp + passed & 0xFFFFFFFF
            difference = signed_32(seen - expected)
            if abs(difference) <= _MOST_STEP_S * rate:
                timestamp = expected + difference // _SHARE & 0xFFFFFFFF
        self._line = SenderClock(ntp, timestamp)
        return self._line

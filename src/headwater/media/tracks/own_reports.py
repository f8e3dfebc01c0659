"""Sender reports for publishers that send none, from the times at which their packets came."""

from __future__ import annotations

from headwater.media.tracks.timeline import NTP_SECOND, SenderClock, TrackClock, signed_32

SILENCE_S = 10.0
"""A publisher that has not reported for so long, or never since it came, is reported for."""

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
    publisher's reports go before these: where it has sent one, its clock line is kept as it is.
    """

    __slots__ = ("_heard_s", "_line", "_made_s", "publisher_has_reported")

    def __init__(self) -> None:
        self._heard_s = float("-inf")
        self._made_s = float("-inf")
        # A wall clock time and what the track's clock says then, as the last report had it.
        self._line: SenderClock | None = None
        self.publisher_has_reported = False

    def publisher_reported(self, now: float) -> None:
        """Make no report for a while: the publisher does."""
        self._heard_s = now
        self.publisher_has_reported = True

    def next_publisher(self) -> None:
        """Look anew whether reports come; the line goes on as readers know it."""
        self._heard_s = float("-inf")
        self.publisher_has_reported = False

    def due(self, now: float, since_s: float) -> bool:
        """Return whether a report is due now; the publisher has been there since `since_s`."""
        return now - max(self._heard_s, since_s) >= SILENCE_S and now - self._made_s >= INTERVAL_S

    def report(self, clock: TrackClock, now: float, ntp: int) -> SenderClock:
        """Return a report for now: the wall clock `ntp` and the track's clock at one instant."""
        self._made_s = now
        seen = clock.timestamp_at(now)
        own_ntp = clock.ntp_at(seen)
        if self.publisher_has_reported and own_ntp is not None:
            self._line = SenderClock(own_ntp, seen)
            return self._line
        timestamp = seen
        if self._line is not None:
            rate = clock.clock_rate_hz
            passed = (ntp - self._line.ntp) * rate // NTP_SECOND
            expected = self._line.timestamp + passed & 0xFFFFFFFF
            difference = signed_32(seen - expected)
            if abs(difference) <= _MOST_STEP_S * rate:
                timestamp = expected + difference // _SHARE & 0xFFFFFFFF
        self._line = SenderClock(ntp, timestamp)
        return self._line

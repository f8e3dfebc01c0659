"""How fast a source's clock runs, by its sender reports."""

from __future__ import annotations

import struct

import pytest

from headwater.client.probe.sender_clock import SenderClockMeter

NTP_S = 3_900_000_000.0


def report(ntp_s: float) -> bytes:
    """A sender report of this wall clock (RFC 3550 §6.4.1)."""
    ntp = round(ntp_s * (1 << 32))
    return struct.pack(">BBHIQIII", 0x80, 200, 6, 1, ntp, 0, 0, 0)


def drift_of(*seen: tuple[float, float]) -> float | None:
    """What the meter says of reports of these clocks, that came at these times."""
    meter = SenderClockMeter()
    for clock_s, arrived_s in seen:
        meter.take(report(NTP_S + clock_s), arrived_s)
    assert meter.reports == len(seen)
    return meter.drift_ppm


def test_an_old_report_at_the_beginning_tells_no_drift() -> None:
    # A server repeats for who joins what the camera had sent two seconds before.
    assert drift_of((-2.0, 0.0), (3.0, 3.0), (8.0, 8.0)) == pytest.approx(0.0, abs=1.0)
    assert drift_of((-2.0, 0.0), (3.0, 3.0)) is None


def test_a_clock_that_runs_too_fast_is_known_after_three_reports() -> None:
    seen = [(1.001 * at_s, at_s) for at_s in (0.0, 5.0, 10.0)]
    assert drift_of(*seen) == pytest.approx(1000.0, abs=1.0)


def test_reports_that_are_too_near_tell_nothing() -> None:
    assert drift_of((0.0, 0.0), (0.3, 0.2), (0.5, 0.4)) is None

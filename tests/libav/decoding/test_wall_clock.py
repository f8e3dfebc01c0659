"""A camera's wall clock at its frames, by its sender reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from headwater.libav.decoding.wall_clock import WallClock
from headwater.media.tracks.timeline import SenderClock
from headwater.protocol.rtcp_build import ntp_time

RATE_HZ = 90_000
BEGIN = datetime(2026, 11, 29, 6, 0, tzinfo=UTC)


def report(at: datetime, timestamp: int) -> SenderClock:
    return SenderClock(ntp_time(at.timestamp()), timestamp & 0xFFFFFFFF)


def clock(*reports: tuple[float, float]) -> WallClock:
    """One that had reports: seconds of wall clock and of media since the beginning."""
    made = WallClock(RATE_HZ)
    for wall_s, media_s in reports:
        made.take(report(BEGIN + timedelta(seconds=wall_s), round(media_s * RATE_HZ)))
    return made


def seconds_of(made: WallClock, media_s: float) -> float:
    told = made.at(round(media_s * RATE_HZ) & 0xFFFFFFFF)
    assert told is not None
    return (told.at - BEGIN).total_seconds()


def trusted(made: WallClock, media_s: float) -> bool:
    told = made.at(round(media_s * RATE_HZ) & 0xFFFFFFFF)
    assert told is not None
    return told.trusted


def test_before_the_first_report_nothing_is_told() -> None:
    assert WallClock(RATE_HZ).at(0) is None


def test_a_camera_without_a_clock_tells_nothing() -> None:
    made = WallClock(RATE_HZ)
    made.take(SenderClock(0, 0))
    assert made.at(0) is None


def test_one_report_tells_the_time_and_two_that_agree_make_it_trusted() -> None:
    assert seconds_of(clock((0, 0)), 2.5) == pytest.approx(2.5, abs=1e-5)
    assert not trusted(clock((0, 0)), 2.5)
    assert trusted(clock((0, 0), (5, 5)), 6)


def test_a_clock_that_drifts_by_200_ppm_is_followed_within_5_ms() -> None:
    """Reports come every five seconds; the RTP clock runs fast."""
    made = WallClock(RATE_HZ)
    worst_s = 0.0
    for second in range(600):
        if second % 5 == 0:
            at = BEGIN + timedelta(seconds=second)
            made.take(report(at, round(second * 1.0002 * RATE_HZ)))
        worst_s = max(worst_s, abs(seconds_of(made, (second + 0.9) * 1.0002) - (second + 0.9)))
        assert second < 5 or trusted(made, (second + 0.9) * 1.0002)
    assert worst_s < 0.005


def test_a_step_by_an_hour_is_followed_and_not_trusted_before_the_next_report_agrees() -> None:
    made = clock((0, 0), (5, 5), (10 + 3600, 10))
    assert seconds_of(made, 11) == pytest.approx(3611, abs=1e-5)
    assert not trusted(made, 11)
    made.take(report(BEGIN + timedelta(seconds=3615), 15 * RATE_HZ))
    assert trusted(made, 16)


def test_pictures_from_before_the_step_keep_the_clock_they_were_taken_by() -> None:
    """They may come in one batch with the report behind them."""
    made = clock((0, 0), (5, 5), (10 + 3600, 10))
    assert seconds_of(made, 9.96) == pytest.approx(9.96, abs=1e-5)
    assert seconds_of(made, 10) == pytest.approx(3610, abs=1e-5)
    assert not trusted(made, 9.96), "the clock was set somewhere between the reports"
    assert trusted(made, 5)
    for second in (15, 20):
        made.take(report(BEGIN + timedelta(seconds=3600 + second), second * RATE_HZ))
    # Reports behind the step hold for what came between them, and the first ones for their time.
    assert seconds_of(made, 19) == pytest.approx(3619, abs=1e-5)
    assert seconds_of(made, 9) == pytest.approx(9, abs=1e-5)


def test_where_the_rtp_clock_was_set_as_well_the_new_report_tells_all() -> None:
    made = clock((0, 0), (5, 5), (10 + 3600, 20_000))
    assert seconds_of(made, 19_999) == pytest.approx(3609, abs=1e-5)
    assert not trusted(made, 19_999)


@pytest.mark.parametrize(
    ("begin", "said"),
    [
        (datetime(1970, 1, 1, 0, 0, 9, tzinfo=UTC), False),
        (datetime(2025, 1, 1, tzinfo=UTC), True),
        (datetime(2040, 1, 1, tzinfo=UTC), True),  # of the era that begins in 2036
    ],
)
def test_a_date_that_was_never_set_is_told_and_not_trusted(begin: datetime, said: bool) -> None:
    made = WallClock(RATE_HZ)
    for second in (0, 5):
        made.take(report(begin + timedelta(seconds=second), second * RATE_HZ))
    told = made.at(5 * RATE_HZ)
    assert told is not None
    assert abs((told.at - begin).total_seconds() - 5) < 1e-5
    assert told.trusted is said


def test_timestamps_turn_over_between_report_and_frame() -> None:
    made = WallClock(RATE_HZ)
    for second in (-5, 0):
        made.take(report(BEGIN + timedelta(seconds=second), (second - 1) * RATE_HZ))
    assert seconds_of(made, 1) == pytest.approx(2, abs=1e-5)
    assert trusted(made, 1)


def test_reports_that_are_long_past_are_not_trusted() -> None:
    made = clock((0, 0), (5, 5))
    assert trusted(made, 34)
    assert not trusted(made, 36)


def test_the_same_report_again_is_no_second_one() -> None:
    assert not trusted(clock((0, 0), (0, 0)), 1)

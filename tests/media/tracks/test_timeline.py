import pytest

from headwater.media.tracks.timeline import (
    NTP_SECOND,
    SenderClock,
    Timeline,
    TrackClock,
    anchor_of,
    signed_32,
)

NTP = 3_900_000_000 * NTP_SECOND


def at(seconds: float) -> int:
    return NTP + round(seconds * NTP_SECOND)


@pytest.mark.parametrize(
    ("difference", "signed"),
    [(0, 0), (1, 1), (-1, -1), (0xFFFFFFFF, -1), (0x7FFFFFFF, 0x7FFFFFFF), (0x80000000, -(2**31))],
)
def test_differences_of_timestamps_wrap(difference: int, signed: int) -> None:
    assert signed_32(difference) == signed


def test_without_reports_arrival_tells() -> None:
    timeline = Timeline({0: TrackClock(90_000, 1000, 10.0), 1: TrackClock(48_000, 50, 10.5)}, 0)
    assert timeline.timestamp_at(0, 11.0) == 91_000
    assert timeline.timestamp_at(1, 11.0) == 24_050
    assert timeline.timestamp_at(1, 10.0) == (50 - 24_000) & 0xFFFFFFFF
    assert timeline.instants[1] == 10.5
    assert timeline.ntp_at(10.0) is None


def test_reports_tell_better_than_arrival() -> None:
    # Sound that was sent 0.3 s before the picture of the same moment.
    video = TrackClock(90_000, 9_000, 10.0, SenderClock(at(0.0), 0))
    audio = TrackClock(48_000, 4_800, 9.7, SenderClock(at(0.0), 0))
    timeline = Timeline({0: video, 1: audio}, 0)
    assert timeline.timestamp_at(0, 10.0) == 9_000
    assert timeline.timestamp_at(1, 10.0) == 4_800
    assert timeline.instants[1] == pytest.approx(10.0)
    ntp = timeline.ntp_at(11.0)
    assert ntp is not None
    assert abs(ntp - at(1.1)) < 100


def test_reports_across_the_wrap_of_a_clock() -> None:
    video = TrackClock(90_000, 100, 10.0, SenderClock(at(5.0), 0xFFFFFF00))
    assert video.ntp_at(100) == at(5.0) + 356 * NTP_SECOND // 90_000
    timeline = Timeline({0: video}, 0)
    assert timeline.timestamp_at(0, 9.0) == (100 - 90_000) & 0xFFFFFFFF


def test_reports_that_contradict_arrival_by_seconds_are_not_believed() -> None:
    video = TrackClock(90_000, 0, 10.0, SenderClock(at(0.0), 0))
    audio = TrackClock(48_000, 0, 10.1, SenderClock(at(86_400.0), 0))
    timeline = Timeline({0: video, 1: audio}, 0)
    assert timeline.instants[1] == 10.1
    assert timeline.timestamp_at(1, 10.1) == 0


def test_the_anchor_is_the_first_track_with_a_report() -> None:
    plain = TrackClock(90_000, 0, 0.0)
    reported = TrackClock(90_000, 0, 0.0, SenderClock(1, 0))
    assert anchor_of({1: plain, 2: reported, 3: reported}) == 2
    assert anchor_of({2: plain, 1: plain}) == 1

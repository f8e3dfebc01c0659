"""Time stamps and wall clock of what a program gives."""

from __future__ import annotations

import pytest

from headwater.libav.encoding.stream_clock import PictureClock, SoundClock

RATE_HZ = 90_000
WALL_S = 1_800_000_000.0


def test_without_a_wall_clock_pictures_are_taken_when_they_are_given() -> None:
    clock = PictureClock(RATE_HZ, 500)
    placed = [clock.place(at, WALL_S + at, told=False) for at in (10.0, 10.04, 10.3)]
    assert [one.position for one in placed] == [500, 4_100, 27_500]
    assert [one.is_reported for one in placed] == [True, False, False]


def test_pictures_follow_the_wall_clock_they_have_and_not_when_they_are_given() -> None:
    clock = PictureClock(RATE_HZ, 0)
    given = [(0.0, 0.0), (0.07, 0.04), (0.081, 0.08), (0.15, 0.12)]
    placed = [clock.place(at, WALL_S + taken, told=True) for at, taken in given]
    assert [one.position for one in placed] == [0, 3_600, 7_200, 10_800]
    assert [one.is_reported for one in placed] == [True, False, False, False]


@pytest.mark.parametrize("step_s", [3_600.0, -3_600.0, -0.5])
def test_a_wall_clock_that_steps_does_not_move_the_stream_and_is_told_at_once(
    step_s: float,
) -> None:
    clock = PictureClock(RATE_HZ, 0)
    clock.place(0.0, WALL_S, told=True)
    stepped = clock.place(0.04, WALL_S + 0.04 + step_s, told=True)
    after = clock.place(0.08, WALL_S + 0.08 + step_s, told=True)
    assert (stepped.position, stepped.is_reported) == (3_600, True)
    assert (after.position, after.is_reported) == (7_200, False)


def test_a_drift_of_200_ppm_is_told_exactly() -> None:
    clock = PictureClock(RATE_HZ, 0)
    told = None
    for number in range(25 * 120):
        at = number / 25
        placed = clock.place(at, WALL_S + at * 1.0002, told=True)
        told = (placed.position, placed.wall_s) if placed.is_reported or told is None else told
        by_report_s = told[1] + (placed.position - told[0]) / RATE_HZ
        assert abs(by_report_s - placed.wall_s) < 0.001


def test_no_two_pictures_have_one_time_stamp() -> None:
    clock = PictureClock(RATE_HZ, 0)
    positions = [clock.place(1.0, WALL_S, told=told).position for told in (True, True, False)]
    assert positions == [0, 1, 2]


def test_readers_are_told_each_second() -> None:
    clock = PictureClock(RATE_HZ, 0)
    placed = [clock.place(at / 10, WALL_S + at / 10, told=True) for at in range(31)]
    assert [at for at, one in enumerate(placed) if one.is_reported] == [0, 10, 20, 30]


def test_sound_goes_on_without_a_gap_however_it_is_given() -> None:
    clock = SoundClock(8_000, 0)
    times = (0.02, 0.05, 0.055, 0.09)
    assert [clock.place(at, 160, WALL_S, told=False).position for at in times] == [
        *(0, 160, 320, 480),
    ]


def test_sound_that_was_not_given_leaves_a_gap() -> None:
    clock = SoundClock(8_000, 0)
    clock.place(0.02, 160, WALL_S, told=False)
    assert clock.place(1.04, 160, WALL_S, told=False).position == 160 + 8_000
    assert clock.place(1.06, 160, WALL_S, told=False).position == 320 + 8_000

"""Times of frames: what senders' clocks do, and what comes of it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.frame_times import FrameTime, LineStart, PictureTimes, SoundTimes

RATE = 90_000
FRAME = 3_600
START = LineStart(1_000, 50.0)


def shown(
    moments: list[int],
    *,
    reorder: int | None = 0,
    start: LineStart = START,
    bidirectional: tuple[int, ...] = (),
) -> list[FrameTime]:
    """Times of pictures with these places in order of showing, in frames behind the first."""
    times = PictureTimes(RATE, start, reorder=reorder, frame_rate_hz=25.0)
    units = [
        AccessUnit(
            start.timestamp + RATE + moment * FRAME & 0xFFFFFFFF,
            (),
            bidirectional=index in bidirectional,
        )
        for index, moment in enumerate(moments)
    ]
    placed = [times.place(unit, 51 + index / 25) for index, unit in enumerate(units)]
    assert times.steps == 0
    return placed


@pytest.mark.parametrize("timestamp", [1_000, 0xFFFFFFFF - RATE - FRAME, 0xFFFFFFFF])
def test_pictures_in_order_are_decoded_when_they_are_shown(timestamp: int) -> None:
    placed = shown([0, 1, 2, 3], start=LineStart(timestamp, 50.0))
    assert [time.decode_time for time in placed] == [RATE + index * FRAME for index in range(4)]
    assert {time.offset for time in placed} == {0}
    assert {time.duration for time in placed} == {FRAME}


@pytest.mark.parametrize(
    ("moments", "reorder"),
    [
        ([0, 3, 1, 2, 6, 4, 5, 9, 7, 8], 1),
        # Pictures between which others are, as pyramids have them.
        ([0, 4, 2, 1, 3, 8, 6, 5, 7], 2),
        ([0, 1, 2, 5, 3, 4], 2),
    ],
)
def test_pictures_out_of_order_are_decoded_as_early_as_they_have_to(
    moments: list[int], reorder: int
) -> None:
    placed = shown(moments, reorder=reorder)
    assert [time.decode_time + time.offset for time in placed] == [
        RATE + moment * FRAME for moment in moments
    ]
    assert all(time.offset >= 0 for time in placed)
    decoded = [time.decode_time for time in placed]
    assert decoded == [RATE + (index - reorder) * FRAME for index in range(len(moments))]
    assert {time.duration for time in placed} == {FRAME}


def test_an_order_that_the_stream_does_not_tell_is_found_out() -> None:
    moments = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11, 15, 13, 14, 18, 16, 17]
    between = tuple(index for index in range(len(moments)) if index % 3 != 1 and index)
    placed = shown(moments, reorder=None, bidirectional=between)
    assert [time.decode_time + time.offset for time in placed] == [
        RATE + moment * FRAME for moment in moments
    ]
    assert all(one.decode_time < two.decode_time for one, two in pairwise(placed))
    # Soon nothing is shown before it is decoded.
    assert all(time.offset >= 0 for time in placed[9:])


def test_another_order_holds_from_where_the_stream_tells_it() -> None:
    times = PictureTimes(RATE, START, reorder=0)
    moments = [0, 1, 2, 5, 3, 4, 8, 6, 7, 9, 10]
    placed = []
    for index, moment in enumerate(moments):
        if index in (3, 9):
            times.tell_reorder(1 if index == 3 else 0)
        unit = AccessUnit(START.timestamp + RATE + moment * FRAME, ())
        placed.append(times.place(unit, 51.0))
    assert [time.decode_time + time.offset for time in placed] == [
        RATE + moment * FRAME for moment in moments
    ]
    assert all(one.decode_time < two.decode_time for one, two in pairwise(placed))
    assert all(time.offset >= 0 for time in placed)
    assert [time.offset for time in placed[-2:]] == [0, 0]


@pytest.mark.parametrize(
    ("step", "arrived_s", "goes_on", "steps"),
    [
        (FRAME, 0.04, FRAME, 0),
        # A gap in the media is a gap in time.
        (9 * RATE, 9.0, 9 * RATE, 0),
        # The clock was set: forward, back.
        (3_600 * RATE, 0.5, RATE // 2, 1),
        (-5 * RATE, 0.5, RATE // 2, 1),
        (-5 * RATE, 0.0, FRAME, 1),
        (-5 * RATE, -3.0, FRAME, 1),
        # However long nothing came, no player waits for it.
        (3_600 * RATE, 90.0, 10 * RATE, 1),
        # The same time twice, and a little back.
        (0, 0.04, 1, 0),
        (-900, 0.04, 1, 0),
    ],
)
def test_steps_of_a_camera_clock(step: int, arrived_s: float, goes_on: int, steps: int) -> None:
    times = PictureTimes(RATE, START, reorder=0)
    first = times.place(AccessUnit(START.timestamp + RATE, ()), 51.0)
    second = times.place(
        AccessUnit(START.timestamp + RATE + step & 0xFFFFFFFF, ()), 51.0 + arrived_s
    )
    third = times.place(
        AccessUnit(START.timestamp + RATE + step + FRAME & 0xFFFFFFFF, ()), 51.04 + arrived_s
    )
    assert second.decode_time - first.decode_time == goes_on
    assert third.decode_time - second.decode_time == FRAME
    assert times.steps == steps


def heard(places: list[int], durations: int = 960) -> tuple[list[int | None], SoundTimes]:
    """Where frames of sound with these timestamps begin, from the first on."""
    times = SoundTimes(48_000, LineStart(0, 0.0))
    placed = [
        times.place(AccessUnit(48_000 + place & 0xFFFFFFFF, (), duration=durations), place / 48_000)
        for place in places
    ]
    return [None if time is None else time.decode_time - 48_000 for time in placed], times


def test_sound_goes_by_its_samples_and_not_by_a_clock_that_wavers() -> None:
    # ffmpeg and cameras: 971 instead of 960, and then 949.
    begins, times = heard([0, 971, 1_920, 2_891, 3_840])
    assert begins == [0, 960, 1_920, 2_880, 3_840]
    assert (times.steps, times.dropped) == (0, 0)


def test_a_gap_in_sound_is_a_gap_in_time() -> None:
    begins, _ = heard([0, 960, 48_000, 48_960])
    assert begins == [0, 960, 48_000, 48_960]


def test_sound_that_comes_twice_is_dropped_until_its_time() -> None:
    begins, times = heard([0, 9_600, 960, 1_920, 9_600, 10_560])
    assert begins == [0, 9_600, None, None, 10_560, 11_520]
    assert times.dropped == 2


def test_sound_whose_clock_runs_slow_stays_near_it() -> None:
    # 1 % slow: ten seconds of frames come in the time stamps of 9.9 s.
    begins, times = heard([950 * index for index in range(500)])
    kept = [(place, begins[place]) for place in range(500) if begins[place] is not None]
    assert all(abs((begin or 0) - 950 * place) <= 0.05 * 48_000 + 960 for place, begin in kept)
    assert 0 < times.dropped < 10


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**32 - 1)
            | st.integers(-20, 20).map(lambda frames: frames * FRAME & 0xFFFFFFFF),
            st.booleans(),
            st.integers(0, 2**40),
            st.floats(-100, 100),
        ),
        max_size=60,
    ),
    st.sampled_from([None, 0, 1, 2, 16]),
)
def test_whatever_comes_time_goes_on_and_fits(
    frames: list[tuple[int, bool, int, float]], reorder: int | None
) -> None:
    pictures = PictureTimes(RATE, LineStart(0, 0.0), reorder=reorder)
    sounds = SoundTimes(RATE, LineStart(0, 0.0))
    for times in (pictures, sounds):
        placed = [
            times.place(AccessUnit(at, (), duration=duration, bidirectional=between), arrived_s)
            for at, between, duration, arrived_s in frames
        ]
        given_times = [time for time in placed if time is not None]
        assert len(given_times) == len(frames) or times is sounds
        decoded = [time.decode_time for time in given_times]
        assert all(one < two for one, two in pairwise([-1, *decoded]))
        assert all(0 < time.duration < 2**31 for time in given_times)
        assert all(-(2**31) <= time.offset < 2**31 for time in given_times)

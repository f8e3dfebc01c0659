"""The time line: whatever a source's times do, those that are sent rise."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.libav.remux.timeline import Timeline

FRAME_S = Fraction(1, 25)


def placed(timeline: Timeline, times_s: list[float], *, began_s: float = 0.0) -> list[float]:
    """Where the packets of one track come to be; they arrive 40 ms after one another."""
    return [
        round(float(timeline.place(0, Fraction(time_s), FRAME_S, began_s + number * 0.04)), 6)
        for number, time_s in enumerate(times_s)
    ]


def test_the_first_packet_is_at_nothing_and_the_others_as_far_apart_as_they_came() -> None:
    timeline = Timeline(live=True)
    assert placed(timeline, [100.0, 100.04, 100.1]) == [0.0, 0.04, 0.1]
    assert timeline.steps == 0


@pytest.mark.parametrize("step_s", [-0.1, -1000.0, 3600.0, -0.04])
def test_a_step_of_a_live_source_is_left_out(step_s: float) -> None:
    timeline = Timeline(live=True)
    times = [0.0, 0.04, 0.08 + step_s, 0.12 + step_s]
    assert placed(timeline, times) == pytest.approx([0.0, 0.04, 0.08, 0.12])
    assert timeline.steps == 1


def test_a_pause_that_the_clock_explains_is_no_step() -> None:
    timeline = Timeline(live=True)
    timeline.place(0, Fraction(0), FRAME_S, 0.0)
    assert timeline.place(0, Fraction(20), FRAME_S, 20.1) == 20
    assert timeline.steps == 0


def test_tracks_that_step_one_after_the_other_stay_together() -> None:
    timeline = Timeline(live=True)
    for number in range(50):
        step = Fraction(-1, 10)
        picture = timeline.place(
            0, number * FRAME_S + (step if number >= 20 else 0), FRAME_S, number * 0.04
        )
        sound = timeline.place(
            1, number * FRAME_S + (step if number >= 25 else 0), FRAME_S, number * 0.04
        )
    assert abs(picture - sound) <= Fraction(1, 1000)


def test_a_cut_in_a_file_is_followed_at_the_pace_before_it() -> None:
    timeline = Timeline(live=False)
    assert placed(timeline, [0.0, 0.04, 95_000.0, 95_000.04]) == [0.0, 0.04, 0.08, 0.12]


def test_slides_of_a_file_may_stand_for_minutes() -> None:
    timeline = Timeline(live=False)
    assert placed(timeline, [0.0, 300.0, 600.0]) == [0.0, 300.0, 600.0]


def test_a_round_follows_the_last_without_what_was_put_right_before() -> None:
    timeline = Timeline(live=False)
    timeline.begin_round()
    placed(timeline, [5.0, 4.0, 4.04])
    timeline.begin_round()
    assert placed(timeline, [5.0, 5.04]) == pytest.approx([0.12, 0.16])


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(-(2**33), 2**33), st.integers(-100, 10**5)),
        max_size=40,
    ),
    st.booleans(),
)
def test_times_of_a_track_always_rise(packets: list[tuple[int, int, int]], live: bool) -> None:
    timeline = Timeline(live=live)
    now_s = 0.0
    sent: dict[int, list[Fraction]] = {0: [], 1: []}
    for index, ticks, passed_ms in packets:
        now_s += passed_ms / 1000  # a clock that is set back, too
        sent[index].append(timeline.place(index, Fraction(ticks, 90_000), FRAME_S, now_s))
    for times in sent.values():
        assert all(later > earlier for earlier, later in pairwise(times))

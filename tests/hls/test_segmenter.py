"""Parts and segments: how long they are, where they begin, for streams of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from headwater.codecs.mp4.init_segment import InitTrack
from headwater.codecs.mp4.sample import Sample
from headwater.codecs.mp4.sample_entry import SampleEntry
from headwater.feeds.mp4_stream import Mp4Head
from headwater.hls.segmenter import Segmenter

RATE_HZ = 90_000
_ENTRY = SampleEntry(b"", "avc1.42e01e", lambda unit: unit.units, 640, 360)
_SOUND = SampleEntry(b"", "opus", lambda unit: unit.units)


def head(*, sound_alone: bool = False) -> Mp4Head:
    entry = _SOUND if sound_alone else _ENTRY
    return Mp4Head(b"init", "video/mp4", (InitTrack(1, RATE_HZ, entry),))


def samples(
    seconds: float, frames_per_s: float, group_s: float, start: int = 0
) -> Iterator[Sample]:
    """Frames at even distances; the last one's duration is what is known of it."""
    apart = round(RATE_HZ / frames_per_s)
    for place in range(round(seconds * frames_per_s)):
        key_frame = place % max(1, round(group_s * frames_per_s)) == 0
        yield Sample((b"x",), 1, start + place * apart, apart, 0, key_frame)


def cut(of: Iterator[Sample], at: Mp4Head, *, publish: bool = True) -> Segmenter:
    segmenter = Segmenter((1,), lambda _track, time: time / RATE_HZ)
    for sample in of:
        segmenter.take(at, 1, sample)
        if publish and segmenter.segments and segmenter.segments[0].parts:
            segmenter.publish()
    return segmenter


@pytest.mark.parametrize("frames_per_s", [5, 7, 10, 12, 12.5, 15, 20, 24, 25, 29.97, 30, 50, 60])
@pytest.mark.parametrize("group_s", [0.4, 1, 2, 3, 10])
def test_parts_and_segments_are_as_long_as_they_say(frames_per_s: float, group_s: float) -> None:
    segmenter = cut(samples(20, frames_per_s, group_s), head())
    assert segmenter.segments
    for segment in segmenter.segments[1:]:
        assert round(segment.duration_s) <= segmenter.target_s
        for place, part in enumerate(segment.parts):
            assert part.duration_s <= segmenter.part_target_s + 1e-9
            if not segment.whole or place < len(segment.parts) - 1:
                assert part.duration_s >= 0.85 * segmenter.part_target_s
    whole = [segment for segment in segmenter.segments if segment.whole]
    assert [segment.number for segment in whole] == list(range(len(whole)))
    for one, two in pairwise(whole):
        assert two.begins_unix_s - one.begins_unix_s == pytest.approx(one.duration_s, abs=1e-3)


@pytest.mark.parametrize(("group_s", "target_s"), [(1, 2), (2, 3), (4, 5), (6, 7)])
def test_segments_are_groups_where_a_group_was_seen(group_s: float, target_s: int) -> None:
    segmenter = Segmenter((1,), lambda _track, time: time / RATE_HZ)
    at = head()
    for sample in samples(30, 25, group_s):
        segmenter.take(at, 1, sample)
        if len(segmenter.segments) == 2:
            segmenter.publish()
    assert segmenter.target_s == target_s
    whole = [segment for segment in segmenter.segments if segment.whole]
    assert all(segment.parts[0].independent for segment in whole)
    assert {round(segment.duration_s, 3) for segment in whole} == {max(1, group_s)}


def test_another_head_is_a_discontinuity_with_an_init_of_its_own() -> None:
    segmenter = Segmenter((1,), lambda _track, time: time / RATE_HZ)
    one, two = head(), head()
    for sample in samples(3, 25, 1):
        segmenter.take(one, 1, sample)
    middle = [*samples(3, 25, 1, start=3 * RATE_HZ)]
    # A frame that is no key frame does not begin anything.
    segmenter.take(two, 1, middle[1])
    for sample in middle[25:]:
        segmenter.take(two, 1, sample)
    marks = [(segment.init, segment.discontinuity) for segment in segmenter.segments]
    assert marks == [(0, False)] * 3 + [(1, True), (1, False)]
    assert segmenter.inits == {0: one, 1: two}
    for _ in range(4):
        segmenter.forget(segmenter.segments[0])
    assert segmenter.discontinuities == 1


@pytest.mark.parametrize("seconds", [0.04, 2.96, 3.04, 3.5])
def test_after_a_break_numbers_go_on_with_a_discontinuity(seconds: float) -> None:
    segmenter = cut(samples(seconds, 25, 1), head(), publish=False)
    before = [segment for segment in segmenter.segments if segment.parts]
    part_target_s = segmenter.part_target_s
    segmenter.go_on((1,), lambda _track, time: 1_000 + time / RATE_HZ)
    assert segmenter.segments == before
    assert all(segment.whole for segment in before)
    again = head()
    for sample in samples(3, 25, 1):
        segmenter.take(again, 1, sample)
    count = len(segmenter.segments)
    assert [segment.number for segment in segmenter.segments] == list(range(count))
    marks = [segment.number for segment in segmenter.segments if segment.discontinuity]
    assert marks == ([len(before)] if before else [])
    new = segmenter.segments[len(before)]
    assert (new.init, new.begins_unix_s, new.parts[0].independent) == (1, 1_000, True)
    assert part_target_s in {0, segmenter.part_target_s}


def test_sound_alone_is_cut_as_well() -> None:
    at = head(sound_alone=True)
    segmenter = cut(samples(10, 50, 0.02), at)
    whole = [segment for segment in segmenter.segments[1:] if segment.whole]
    assert whole
    assert all(part.independent for segment in whole for part in segment.parts)


def test_the_end_makes_a_part_of_what_is_left() -> None:
    segmenter = cut(samples(1.32, 25, 10), head())
    before = sum(part.frames for segment in segmenter.segments for part in segment.parts)
    assert segmenter.end() == 1
    after = sum(part.frames for segment in segmenter.segments for part in segment.parts)
    assert (before, after) == (30, 33)
    assert segmenter.segments[-1].whole

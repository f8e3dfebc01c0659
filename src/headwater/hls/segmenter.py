"""Cuts a mount's samples into parts and segments: pure, without a clock or a socket."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import Final

from headwater.codecs.mp4.fragments import FragmentWriter
from headwater.codecs.mp4.sample import Sample
from headwater.feeds.mp4_stream import Mp4Head
from headwater.hls.segments import Part, Segment

_PART_S: Final = 0.2
"""Apple advises against shorter ones; each costs two requests of every viewer."""
_SLACK: Final = 1.1
"""Cameras' clocks tremble. A part has at least 85 % of the part target (§4.4.3.7)."""
_LEAST_SEGMENT_S: Final = 1.0
_LEAST_TARGET_S: Final = 2
_MOST_TARGET_S: Final = 8
_LOOKED_AT: Final = 4
"""Frames by whose distance the length of parts is chosen."""


class Segmenter:
    """Takes samples of all tracks, and keeps the segments that playlists may list.

    Parts end where the next frame would make them longer than the part target, segments where a
    key frame comes, or where they would be longer than the target duration.

    Attributes:
        inits: by number, the initialisation segments.
        segments: the oldest first; the last one may still grow.
        target_s: the target duration, which `publish` fixes.
        part_target_s: how long parts are at most; 0 before the first.
        discontinuities: how many of them went with old segments.
    """

    def __init__(self, track_ids: Sequence[int], unix_s: Callable[[int, int], float]) -> None:
        """`unix_s` tells the wall clock at a track's time."""
        self.inits: dict[int, Mp4Head] = {}
        self.segments: list[Segment] = []
        self.target_s = _MOST_TARGET_S
        self._is_published = False
        self.part_target_s = 0.0
        self.discontinuities = 0
        self._unix_s = unix_s
        self._writer = FragmentWriter(track_ids)
        self._head: Mp4Head | None = None
        self._anchor = 0
        self._rate_hz = 1
        self._next_number = 0
        # The frame whose duration is known once the next one comes.
        self._held: Sample | None = None
        # Until it is known how far frames lie apart.
        self._first: list[Sample] = []
        self._shown: list[Sample] = []
        self._others: dict[int, list[Sample]] = {}
        self._shown_time = 0

    @property
    def last(self) -> Segment | None:
        """The newest segment; None before the first part."""
        return self.segments[-1] if self.segments else None

    def take(self, head: Mp4Head, track_id: int, sample: Sample) -> int:
        """Take the next sample; return how many parts are new."""
        if head is not self._head:
            return self._begin(head, track_id, sample)
        if track_id != self._anchor:
            self._others.setdefault(track_id, []).append(sample)
            return 0
        held, self._held = self._held, sample
        return 0 if held is None else self._place(_until(held, sample), sample)

    def end(self) -> int:
        """Make a part of what is left; return how many are new."""
        held, self._held = self._held, None
        made = self._decide() if self._first else 0
        if held is not None:
            self._add(held)
        made += self._close_part()
        if self.segments:
            self.segments[-1].whole = True
        return made

    def go_on(self, track_ids: Sequence[int], unix_s: Callable[[int, int], float]) -> None:
        """Go on with samples of another stream, after one that broke off.

        What is no part yet is lost: it may be what the stream broke off at.
        """
        self._unix_s = unix_s
        self._writer = FragmentWriter(track_ids)
        self._head = self._held = None
        self._first, self._shown, self._others, self._shown_time = [], [], {}, 0
        last = self.last
        if last is None:
            return
        if last.parts:
            last.whole = True
        else:
            # Numbers follow from places in a playlist, which lists no segment without parts.
            self.segments.pop()
            self._next_number = last.number

    def forget(self, segment: Segment) -> None:
        """Keep the oldest segment no longer."""
        self.segments.remove(segment)
        self.discontinuities += segment.discontinuity
        used = {one.init for one in self.segments}
        for number in [number for number in self.inits if number not in used][:-1]:
            del self.inits[number]

    def _begin(self, head: Mp4Head, track_id: int, sample: Sample) -> int:
        """Begin with another head, at a frame that can be the first."""
        pictures = [track for track in head.tracks if track.entry.is_picture]
        anchor = (pictures or head.tracks)[0]
        if track_id != anchor.track_id or not sample.key_frame:
            return 0
        made = self.end() if self._head is not None else 0
        self._head = head
        self._anchor, self._rate_hz = anchor.track_id, anchor.timescale
        self.inits[max(self.inits, default=-1) + 1] = head
        self._others.clear()
        self._held = sample
        self._open_segment(sample, discontinuity=self._next_number > 0)
        return made

    def _place(self, sample: Sample, following: Sample) -> int:
        """Add a frame whose duration is known; the next one says whether the part is full."""
        if not self.part_target_s:
            self._first.append(sample)
            return self._decide() if len(self._first) >= _LOOKED_AT else 0
        self._add(sample)
        return self._after(sample, following)

    def _decide(self) -> int:
        """Choose the length of parts, and place what waited for that."""
        first, self._first = self._first, []
        apart_s = median(max(sample.duration, 1) for sample in first) / self._rate_hz
        count = max(1, round(_PART_S / apart_s))
        # §4.4.3.7: a decimal number; to whole milliseconds upwards.
        self.part_target_s = math.ceil(round(count * apart_s * _SLACK * 1000, 3)) / 1000
        made = 0
        for place, sample in enumerate(first):
            following = first[place + 1] if place + 1 < len(first) else self._held
            self._add(sample)
            if following is not None:
                made += self._after(sample, following)
        return made

    def publish(self) -> bool:
        """Fix the target duration, by the segments so far: the first playlist is made now.

        Returns whether that changed anything; it does once.
        """
        if self._is_published or not self.segments:
            return False
        self._is_published = True
        longest_s = max(segment.duration_s for segment in self.segments)
        wanted_s = math.ceil(longest_s + _LEAST_SEGMENT_S / 2)
        self.target_s = min(max(_LEAST_TARGET_S, wanted_s), _MOST_TARGET_S)
        self._end_first()
        return True

    def _end_first(self) -> None:
        """End the first segment: players that know no parts give up where there is none."""
        first = self.segments[0]
        following = self._shown[0] if self._shown else self._held
        if first is self.last and first.parts and following is not None:
            first.whole = True
            self._open_segment(following)

    def _after(self, sample: Sample, following: Sample) -> int:
        """Close part and segment where the frame that follows does not belong to them."""
        segment = self.segments[-1]
        so_far_s = segment.duration_s + self._shown_time / self._rate_hz
        next_s = following.duration / self._rate_hz
        ends = following.key_frame and so_far_s >= _LEAST_SEGMENT_S
        # §4.4.3.1: a segment's duration, rounded, is at most the target duration.
        ends = ends or so_far_s + max(next_s, sample.duration / self._rate_hz) > self.target_s
        if ends:
            made = self._close_part()
            segment.whole = True
            self._open_segment(following)
            return made
        part_s = self._shown_time / self._rate_hz + sample.duration / self._rate_hz
        return self._close_part() if part_s > self.part_target_s else 0

    def _add(self, sample: Sample) -> None:
        self._shown.append(sample)
        self._shown_time += sample.duration

    def _close_part(self) -> int:
        if not self._shown:
            return 0
        shown, others = self._shown, self._others
        self._shown, self._others = [], {}
        time, self._shown_time = self._shown_time, 0
        contents = [self._writer.fragment(self._anchor, shown)]
        contents += [self._writer.fragment(number, of) for number, of in others.items()]
        part = Part(
            b"".join(contents),
            time / self._rate_hz,
            shown[0].key_frame,
            len(shown) + sum(map(len, others.values())),
        )
        self.segments[-1].parts.append(part)
        return 1

    def _open_segment(self, first: Sample, *, discontinuity: bool = False) -> None:
        begins_unix_s = self._unix_s(self._anchor, first.decode_time + first.offset)
        segment = Segment(self._next_number, max(self.inits), begins_unix_s, discontinuity)
        self._next_number += 1
        self.segments.append(segment)


def _until(sample: Sample, following: Sample) -> Sample:
    """Return a sample that lasts until the one that follows it."""
    return sample._replace(duration=following.decode_time - sample.decode_time)

"""The HLS of one mount: built while somebody asks for it, once for all viewers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import length_hint
from typing import Final

from headwater.feeds.fed_unit import FedUnit
from headwater.feeds.mount_feeds import MountFeeds, UnknownCodecs
from headwater.feeds.mp4_stream import Mp4Stream
from headwater.hls.playlist import media_playlist, next_part
from headwater.hls.segmenter import Segmenter
from headwater.hls.segments import Part, Segment
from headwater.media.cache_budget import CacheBudget
from headwater.media.clock import Clock
from headwater.media.errors import MountClosed, MountFull
from headwater.media.mount import Mount
from headwater.media.states import MountState

_LEAST_SEGMENTS: Final = 7
_LISTED_TARGETS: Final = 8
"""§6.2.2: at least three target durations are listed. More, so that delta updates pay."""
_MOST_KEPT_BYTES: Final = 96 << 20
WOKEN_AT_ONCE: Final = 8
"""Viewers that wait for the same part; the answers to so many take some 2 ms."""


class MountHls:
    """Takes the access units of a mount and keeps what playlists list.

    Attributes:
        mount: whose segments they are.
        asked_s: when somebody last asked for any of it.
        held_bytes: what its segments take of memory.
        over: why no more comes; None while it goes on. What is there is kept until `close`.
    """

    def __init__(
        self,
        mount: Mount,
        feeds: MountFeeds,
        budget: CacheBudget,
        *,
        clock: Clock,
        on_over: Callable[[MountHls], None],
    ) -> None:
        """`on_over` is called when the mount gives no more. Raises UnknownCodecs, MountClosed."""
        self.mount = mount
        self.asked_s = clock()
        self.held_bytes = 0
        self.over: str | None = None
        self._budget = budget
        self._feeds = feeds
        self._clock = clock
        self._on_over = on_over
        self._waiting: dict[asyncio.Future[None], None] = {}
        # What follows from the segments as they are; made when somebody asks.
        self._listed: list[Segment] | None = None
        self._playlists: dict[bool, bytes] = {}
        self._stream = self._open(instant_start=True)
        self.segmenter = Segmenter(self._stream.track_ids, self._stream.unix_s)
        budget.join(self)

    def _open(self, *, instant_start: bool) -> Mp4Stream:
        """Take the mount's access units, for samples on a line of time of their own."""
        mount, feeds = self.mount, self._feeds
        self._tap = feeds.take(mount, self._take, on_end=self._end, instant_start=instant_start)
        feed = feeds.get(mount)
        assert feed is not None  # noqa: S101 - it was opened by `take`
        tracks = sorted(self._tap.tracks)
        return Mp4Stream(feed, tracks, clock=self._clock, unix_time=time.time)

    @property
    def listed(self) -> list[Segment]:
        """The segments that a playlist lists now, the oldest first."""
        listed = self._listed
        if listed is None:
            listed = self._listed = self._newest()
        return listed

    def _newest(self) -> list[Segment]:
        segments = [one for one in self.segmenter.segments if one.parts]
        least_s = _LISTED_TARGETS * self.segmenter.target_s
        total_s, count = 0.0, 0
        for segment in reversed(segments):
            if count >= _LEAST_SEGMENTS and total_s >= least_s:
                break
            total_s += segment.duration_s
            count += 1
        return segments[len(segments) - count :]

    @property
    def discontinuities(self) -> int:
        """How many there were in front of the first listed segment, and at it."""
        listed = self.listed
        first = listed[0].number if listed else 0
        older = [one for one in self.segmenter.segments if one.number <= first]
        return self.segmenter.discontinuities + sum(one.discontinuity for one in older)

    def playlist(self, *, skips: bool) -> bytes:
        """Return the playlist as it is now, which all viewers share."""
        if self.segmenter.publish():
            self._change()
        made = self._playlists.get(skips)
        if made is None:
            made = self._playlists[skips] = media_playlist(
                self.listed,
                target_s=self.segmenter.target_s,
                part_target_s=self.segmenter.part_target_s,
                discontinuities=self.discontinuities,
                ended=self.over is not None,
                skips=skips,
            ).encode()
        return made

    def segment(self, number: int) -> Segment | None:
        """Return a segment, listed or not; None where it is gone, or not there yet."""
        segments = self.segmenter.segments
        place = number - segments[0].number if segments else -1
        return segments[place] if 0 <= place < len(segments) else None

    def part(self, number: int, place: int) -> Part | None:
        """Return a part, as `segment`."""
        segment = self.segment(number)
        return segment.parts[place] if segment and place < len(segment.parts) else None

    def has(self, number: int, place: int | None) -> bool:
        """Return whether a playlist would list a part, or where none is named a whole segment."""
        listed = self.listed
        if not listed:
            return False
        if place is None:
            whole = [one.number for one in listed if one.whole]
            return bool(whole) and whole[-1] >= number
        return next_part(listed) > (number, place)

    async def until(self, ready: Callable[[], bool], within_s: float) -> bool:
        """Wait until something holds that new parts bring; return whether it does."""
        try:
            async with asyncio.timeout(within_s):
                while not ready() and self.over is None:
                    news = asyncio.get_running_loop().create_future()
                    self._waiting[news] = None
                    try:
                        await news
                    finally:
                        self._waiting.pop(news, None)
        except TimeoutError:
            pass
        return ready()

    def give_way(self) -> None:
        """Keep only what playlists list, and nothing once it is over."""
        if self.over is None:
            self._forget_all(self._behind())
        else:
            self._forget_all(self.segmenter.segments)

    def close(self, reason: str) -> None:
        """Build no more, and keep nothing."""
        self._tap.close()
        self._finish(reason)
        self._forget_all(self.segmenter.segments)

    def _take(self, fed: FedUnit) -> None:
        made = self._stream.sample(fed)
        head = self._stream.head
        if made is None or head is None:
            return
        if self.segmenter.take(head, *made):
            self._note_parts()

    def _note_parts(self) -> None:
        self._change()
        held_bytes = sum(segment.size_bytes for segment in self.segmenter.segments)
        self._budget.held_bytes += held_bytes - self.held_bytes
        self.held_bytes = held_bytes
        self._forget_all(self._out_of_date())
        while self.held_bytes > _MOST_KEPT_BYTES and len(self.segmenter.segments) > 1:
            self._forget(self.segmenter.segments[0])
        if self._budget.held_bytes > self._budget.most_bytes:
            self._budget.make_room()
        self._wake()

    def _behind(self) -> list[Segment]:
        """Return the segments that are no longer listed, the oldest first."""
        listed = self.listed
        first = listed[0].number if listed else 0
        return [one for one in self.segmenter.segments if one.number < first]

    def _out_of_date(self) -> list[Segment]:
        """Return those that no player can want that goes by a playlist of ours.

        §6.2.2: a segment MUST remain available for its own duration and that of the longest
        playlist that had it, from when it is listed no more.
        """
        behind = self._behind()
        kept_s = sum(segment.duration_s for segment in self.listed)
        behind_s = 0.0
        for place in range(len(behind) - 1, -1, -1):
            if behind_s > kept_s:
                return behind[: place + 1]
            behind_s += behind[place].duration_s
        return []

    def _forget_all(self, segments: Sequence[Segment]) -> None:
        for segment in tuple(segments):
            self._forget(segment)

    def _forget(self, segment: Segment) -> None:
        self.segmenter.forget(segment)
        self.held_bytes -= segment.size_bytes
        self._budget.held_bytes -= segment.size_bytes
        self._change()

    def _change(self) -> None:
        self._listed = None
        self._playlists.clear()

    def _wake(self) -> None:
        """Have those who wait look again, some in each turn of the loop: media goes between."""
        waiting, self._waiting = self._waiting, {}
        if waiting:
            _wake_some(asyncio.get_running_loop(), iter(waiting))

    def _end(self, reason: str) -> None:
        """Learn that the tap gives no more: the mount closed, or what its units are for failed."""
        if self.over is not None:
            return
        if self.mount.state is MountState.CLOSED:
            self._finish(reason)
            self._on_over(self)
        else:
            # The feed is in the middle of giving, and closes where this was its last tap.
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        """Take the live mount's units again, from the next key frame on.

        §6.2.2: the numbers of segments, and of discontinuities, MUST NOT decrease or begin again,
        and §6.2.1: the target duration MUST NOT change. So the segments there are stay.
        """
        if self.over is not None:
            return
        try:
            # What failed may be in the group that is kept: with an instant start it came again.
            self._stream = self._open(instant_start=False)
        except (UnknownCodecs, MountClosed, MountFull) as error:
            self._finish(str(error))
            self._on_over(self)
        else:
            self.segmenter.go_on(self._stream.track_ids, self._stream.unix_s)
            self._note_parts()

    def _finish(self, reason: str) -> None:
        if self.over is not None:
            return
        if self.segmenter.end():
            self._note_parts()
        self.over = reason
        self._change()
        self._wake()


def _wake_some(loop: asyncio.AbstractEventLoop, waiting: Iterator[asyncio.Future[None]]) -> None:
    for news in islice(waiting, WOKEN_AT_ONCE):
        if not news.done():
            news.set_result(None)
    if length_hint(waiting):
        loop.call_soon(_wake_some, loop, waiting)

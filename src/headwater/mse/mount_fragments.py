"""The fragments of one mount, made once for all who watch it by MSE."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from headwater.codecs.mp4.fragments import FragmentWriter
from headwater.feeds.fed_unit import FedUnit
from headwater.feeds.mount_feeds import MountFeeds
from headwater.feeds.mp4_stream import Mp4Head, Mp4Stream
from headwater.media.cache_budget import CacheBudget
from headwater.media.clock import Clock
from headwater.media.mount import Mount
from headwater.mse.fragment import Fragment, Head
from headwater.mse.frames import Opcode, frame

_FRAGMENT_BYTES = 250
"""Of memory, beside its own bytes, for each fragment that is kept."""


class FragmentTaker(Protocol):
    """One who watches."""

    def take(self, fragment: Fragment) -> None:
        """Take a fragment that was made, or kept."""

    def ended(self, cause: str) -> None:
        """Learn that no more come."""


class MountFragments:
    """Takes the access units of a mount and gives fragments, as long as somebody watches.

    It keeps what came since the last key frame for those who come later, within the bounds of the
    mount's cache of packets and in the same budget.

    Attributes:
        mount: whose fragments they are.
        head: what stands in front of the next fragment; None until the first.
        held_bytes: what the kept fragments take of memory.
        made: how many were made.
    """

    def __init__(
        self,
        mount: Mount,
        feeds: MountFeeds,
        budget: CacheBudget,
        *,
        clock: Clock,
        on_over: Callable[[MountFragments], None],
    ) -> None:
        """`on_over` is called once when no more come.

        Raises UnknownCodecs, MountFull, MountClosed.
        """
        self.mount = mount
        self.head: Head | None = None
        self.held_bytes = 0
        self.made = 0
        self._budget = budget
        self._on_over = on_over
        self._takers: tuple[FragmentTaker, ...] = ()
        self._over = False
        self._kept: list[Fragment] = []
        self._told: Mp4Head | None = None
        self._tap = feeds.take(mount, self._take, on_end=self._end)
        feed = feeds.get(mount)
        assert feed is not None  # noqa: S101 - it was opened by `take`
        tracks = sorted(self._tap.tracks)
        self._stream = Mp4Stream(feed, tracks, clock=clock, unix_time=time.time)
        self._writer = FragmentWriter(self._stream.track_ids)
        budget.join(self)

    def add(self, taker: FragmentTaker) -> None:
        """Give the kept fragments to a viewer, and from now on each that is made."""
        self._takers += (taker,)
        for fragment in self._kept:
            taker.take(fragment)

    def remove(self, taker: FragmentTaker) -> None:
        """Give nothing more to a viewer; with the last one it is over."""
        self._takers = tuple(one for one in self._takers if one is not taker)
        if not self._takers:
            self._tap.close()
            self._end("nobody watches it by MSE")

    def give_way(self) -> None:
        """Keep nothing until the next key frame."""
        self._kept = []
        self._budget.held_bytes -= self.held_bytes
        self.held_bytes = 0

    def _take(self, fed: FedUnit) -> None:
        made = self._stream.sample(fed)
        if made is None:
            return
        mp4, line = self._stream.head, self._stream.line
        if mp4 is None or line is None:
            return
        if mp4 is not self._told or self.head is None:
            self._told, self.head = mp4, Head(mp4, line.begins_unix_s)
        track_id, sample = made
        begins = sample.key_frame and (
            not self.head.has_pictures or self.head.has_picture_of((track_id,))
        )
        message = frame(Opcode.BINARY, self._writer.frame(track_id, sample))
        fragment = Fragment(track_id, message, self.head, begins, fed.arrived_s)
        self.made += 1
        self._keep(fragment)
        for taker in self._takers:
            taker.take(fragment)

    def _keep(self, fragment: Fragment) -> None:
        if fragment.begins:
            self.give_way()
        elif not self._kept:
            return
        settings = self.mount.settings
        if not settings.instant_start:
            return
        size = len(fragment.message) + _FRAGMENT_BYTES
        self._kept.append(fragment)
        self.held_bytes += size
        self._budget.held_bytes += size
        age_s = fragment.arrived_s - self._kept[0].arrived_s
        if self.held_bytes > settings.gop_cache_max_bytes or age_s > settings.gop_cache_max_s:
            self.give_way()
        if self._budget.held_bytes > self._budget.most_bytes:
            self._budget.make_room()

    def _end(self, reason: str) -> None:
        if self._over:
            return
        self._over = True
        self.give_way()
        self._on_over(self)
        for taker in self._takers:
            taker.ended(reason)

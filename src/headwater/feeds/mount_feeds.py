"""Which mounts are fed now: one feed for each that somebody takes access units of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headwater.feeds.mount_feed import MountFeed
from headwater.feeds.tap import OnEnd, OnUnit, Tap
from headwater.media.cache_budget import CacheBudget
from headwater.media.clock import CallSoon, Clock
from headwater.media.mount import Mount
from headwater.relay.relay import Relay, new_end_id


class UnknownCodecs(Exception):  # noqa: N818 a refusal, no fault
    """None of the tracks that are wanted has a codec that can be read."""


class MountFeeds:
    """Opens a feed with the first who takes of a mount, and closes it with the last.

    The feed is a reader of its mount like any other, without hooks: those for whom it reads have
    their own.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        call_soon: CallSoon,
        budget: CacheBudget,
        new_id: Callable[[], str] = new_end_id,
    ) -> None:
        self._clock = clock
        self._call_soon = call_soon
        self._budget = budget
        self._new_id = new_id
        self._feeds: dict[Mount, MountFeed] = {}

    @classmethod
    def of(cls, relay: Relay) -> MountFeeds:
        """Make the feeds of a running server."""
        return cls(
            clock=relay.clock, call_soon=relay.loop.call_soon, budget=relay.mounts.cache_budget
        )

    def __len__(self) -> int:
        return len(self._feeds)

    def get(self, mount: Mount) -> MountFeed | None:
        """Return the feed of a mount; None while nobody takes of it."""
        return self._feeds.get(mount)

    def take(
        self,
        mount: Mount,
        on_unit: OnUnit,
        *,
        on_end: OnEnd | None = None,
        tracks: Sequence[int] | None = None,
        instant_start: bool | None = None,
    ) -> Tap:
        """Have a function called with the access units of a mount, from the last key frame on.

        The first call comes in one of the loop's next turns.

        Args:
            mount: what to read.
            on_unit: called with each access unit.
            on_end: called once when no more come, unless the tap was closed.
            tracks: indexes of those that are wanted; others than those with a known codec are left
                out. All unless given.
            instant_start: whether to begin with the last key frame that is kept; as the mount's
                settings say unless given.

        Raises:
            UnknownCodecs: none of them has a codec that is known.
            MountFull: the mount has as many readers as it may have.
            MountClosed: it is closed.
        """
        feed = self._feeds.get(mount) or self._new_feed(mount)
        known = feed.depacketizers
        wanted = [index for index in (known if tracks is None else tracks) if index in known]
        if not wanted:
            raise UnknownCodecs(f"no track of {mount.path} that is wanted has a known codec")
        if mount not in self._feeds:
            feed.begin(instant_start=instant_start)
            self._feeds[mount] = feed
        return feed.add(wanted, on_unit, on_end, instant_start=instant_start)

    def _new_feed(self, mount: Mount) -> MountFeed:
        return MountFeed(
            mount,
            self._new_id(),
            clock=self._clock,
            call_soon=self._call_soon,
            budget=self._budget,
            on_over=self._forget,
        )

    def _forget(self, feed: MountFeed) -> None:
        self._feeds.pop(feed.mount, None)

"""How much the caches of all mounts may keep together."""

from __future__ import annotations

from typing import Protocol
from weakref import WeakSet

_ROOM = 8
"""Where there is too much, an eighth is given up: room for a while, not for one batch."""


class Cache(Protocol):
    """What keeps something for as long as there is room."""

    @property
    def held_bytes(self) -> int:
        """What it takes of memory now."""

    def give_way(self) -> None:
        """Keep nothing until the next key frame."""


class CacheBudget:
    """The memory that all caches take. Those that take most give way first, so that one
    publisher's stream costs no other mount its cache.

    Attributes:
        most_bytes: the bound.
        held_bytes: what is taken now; the caches count it.
        left_bytes: what went with publishers that left, since the start.
        overflows: how often the bound was met.
    """

    __slots__ = ("_caches", "held_bytes", "left_bytes", "most_bytes", "overflows")

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.held_bytes = 0
        self.left_bytes = 0
        self.overflows = 0
        # A mount that fails while it is made leaves nothing here.
        self._caches: WeakSet[Cache] = WeakSet()

    def join(self, cache: Cache) -> None:
        """Count a cache from now on, for as long as it is there."""
        self._caches.add(cache)

    def make_room(self) -> None:
        """Have the largest caches give way, as many as are needed."""
        self.overflows += 1
        enough_bytes = self.most_bytes - self.most_bytes // _ROOM
        for cache in sorted(self._caches, key=lambda cache: cache.held_bytes, reverse=True):
            cache.give_way()
            if self.held_bytes <= enough_bytes:
                return

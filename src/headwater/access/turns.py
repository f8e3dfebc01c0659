"""Who waits for the one thread that works out slow hashes, and whose turn it is."""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")

_MOST_WAITING = 64
"""Of each kind, known and strangers: a password's hash takes some 50 ms, so 3 s of work."""


class _Room(Generic[ItemT]):
    """Sources that wait, each with its items in the order they came; sources take turns."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_source: OrderedDict[Hashable, deque[ItemT]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, source: Hashable, item: ItemT) -> ItemT | None:
        """Take an item in; the one that had to go for it, or None where there was room."""
        pushed_out = self._push_out() if self._count >= self._most else None
        self._by_source.setdefault(source, deque()).append(item)
        self._count += 1
        return pushed_out

    def take(self) -> ItemT:
        """The first item of the source whose turn it is; there must be one."""
        source, items = self._by_source.popitem(last=False)
        self._count -= 1
        item = items.popleft()
        if items:
            self._by_source[source] = items
        return item

    def _push_out(self) -> ItemT:
        """The latest item of the source with most; of equals, chance decides."""
        longest = max(map(len, self._by_source.values()))
        candidates = [key for key, items in self._by_source.items() if len(items) == longest]
        source = random.choice(candidates)  # noqa: S311 - fairness, no secret
        items = self._by_source[source]
        item = items.pop()
        self._count -= 1
        if not items:
            del self._by_source[source]
        return item


class Turns(Generic[ItemT]):
    """A bounded queue in which no source keeps another from its turn.

    Sources take turns however much each brings. Those who are known have room of their own and
    every second turn, so that no number of strangers keeps them out. When a room is full, the
    source that brought most loses what it brought last; among strangers who brought one each,
    chance decides, so that a newcomer is never refused for certain.
    """

    def __init__(self, most: int = _MOST_WAITING) -> None:
        self._known: _Room[ItemT] = _Room(most)
        self._strangers: _Room[ItemT] = _Room(most)
        self._known_had_last = False

    def __len__(self) -> int:
        return len(self._known) + len(self._strangers)

    def add(self, source: Hashable, item: ItemT, *, known: bool) -> ItemT | None:
        """Take an item in; the one that had to go for it, or None where there was room."""
        return (self._known if known else self._strangers).add(source, item)

    def take(self) -> ItemT:
        """The item whose turn it is; there must be one."""
        known = bool(self._known) and not (self._known_had_last and self._strangers)
        self._known_had_last = known
        return (self._known if known else self._strangers).take()

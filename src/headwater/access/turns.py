"""A fair order for those who wait for something scarce."""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from headwater.net.socket_address import network_of

ItemT = TypeVar("ItemT")

Source = tuple[Hashable, ...]
"""Who asks, behind the circle that it belongs to; all sources of one queue have as many parts."""

_MOST_WAITING = 64
"""Of each kind, known and strangers: a password's hash takes some 50 ms, so 3 s of work."""

_NETWORK_BITS_V4 = 24
_NETWORK_BITS_V6 = 48
"""The smallest networks that are routed: who has many addresses often has them in few of these."""


def source_in_network(peer: str, itself: Hashable) -> Source:
    """Return the source of an attempt: its address, within the network of that address."""
    network = network_of(peer, ipv4_prefix_bits=_NETWORK_BITS_V4, ipv6_prefix_bits=_NETWORK_BITS_V6)
    return network, itself


class _Line(Generic[ItemT]):
    """The items of one source, in the order they came."""

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: deque[ItemT] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def add(self, source: Source, item: ItemT) -> None:  # noqa: ARG002 - as a circle has it
        self._items.append(item)

    def take(self) -> ItemT:
        return self._items.popleft()

    def push_out(self) -> ItemT:
        return self._items.pop()


class _Circle(Generic[ItemT]):
    """Sources, or circles of them, that take turns however much each has waiting."""

    __slots__ = ("_count", "_members")

    def __init__(self) -> None:
        self._members: OrderedDict[Hashable, _Circle[ItemT] | _Line[ItemT]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, source: Source, item: ItemT) -> None:
        """Take an item in, behind those of the same source."""
        first, *others = source
        member = self._members.get(first)
        if member is None:
            member = self._members[first] = _Circle() if others else _Line()
        member.add(tuple(others), item)
        self._count += 1

    def take(self) -> ItemT:
        """Return the first item of the member whose turn it is; there must be one."""
        key, member = self._members.popitem(last=False)
        item = member.take()
        if member:
            self._members[key] = member
        self._count -= 1
        return item

    def push_out(self) -> ItemT:
        """Return the latest item of the member with most; of equals, chance decides."""
        most = max(map(len, self._members.values()))
        with_most = [key for key, member in self._members.items() if len(member) == most]
        key = random.choice(with_most)  # noqa: S311 - fairness, no secret
        member = self._members[key]
        item = member.push_out()
        if not member:
            del self._members[key]
        self._count -= 1
        return item


class Turns(Generic[ItemT]):
    """A bounded queue in which no source keeps another from its turn.

    Networks take turns, and in each the sources, however much each brings. Those who are known
    have room of their own and every second turn, so that no number of strangers keeps them out.
    When a room is full, the network that brought most loses what its source with most brought
    last; among equals chance decides, so that a newcomer is never refused for certain.
    """

    def __init__(self, most: int = _MOST_WAITING) -> None:
        self._most = most
        self._known: _Circle[ItemT] = _Circle()
        self._strangers: _Circle[ItemT] = _Circle()
        self._known_had_last = False

    def __len__(self) -> int:
        return len(self._known) + len(self._strangers)

    def add(self, source: Source, item: ItemT, *, known: bool) -> ItemT | None:
        """Take an item in; the one that had to go for it, or None where there was room."""
        room = self._known if known else self._strangers
        pushed_out = room.push_out() if len(room) >= self._most else None
        room.add(source, item)
        return pushed_out

    def take(self) -> ItemT:
        """Return the item whose turn it is; there must be one."""
        known = bool(self._known) and not (self._known_had_last and self._strangers)
        self._known_had_last = known
        return (self._known if known else self._strangers).take()

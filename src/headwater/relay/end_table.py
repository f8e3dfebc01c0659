"""Every publisher and reader of a server, counted against the limits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

from headwater.relay.end import End
from headwater.relay.end_order import EndOrder
from headwater.relay.errors import LimitReached
from headwater.relay.limits import Limits
from headwater.side import Side


class EndTable:
    """The ends that live, by id.

    Attributes:
        readers_gone: set while no reader is among them that leaves by itself.
        order: their ids in order; None while nobody asks for lists.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_id: dict[str, End] = {}
        self._by_address: Counter[str] = Counter()
        self._by_side: dict[Side, int] = dict.fromkeys(Side, 0)
        self._waited_for = 0
        self.order: EndOrder | None = None
        self.readers_gone = asyncio.Event()
        self.readers_gone.set()

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[End]:
        return iter(tuple(self._by_id.values()))

    def get(self, end_id: str) -> End | None:
        """Return the end with this id, if it lives."""
        return self._by_id.get(end_id)

    @property
    def publishers(self) -> int:
        """How many of them publish."""
        return self._by_side[Side.PUBLISH]

    def by_address(self, least: int) -> dict[str, int]:
        """Return how many there are of each address that has `least` or more."""
        return {block: count for block, count in self._by_address.items() if count >= least}

    def require_room(self, side: Side, address_block: str, peer: str) -> None:
        """Raise LimitReached where one more of this side from this address would be too many."""
        settings, others = self._limits.settings, self._limits.elsewhere
        here = self._by_address[address_block]
        if len(self._by_id) + others.sessions >= settings.sessions:
            limit = "sessions"
        elif here + others.sessions_of.get(address_block, 0) >= settings.sessions_per_address:
            limit = "sessions_per_address"
        elif (
            side is Side.PUBLISH and self._by_side[side] + others.publishers >= settings.publishers
        ):
            limit = "publishers"
        else:
            return
        raise self.limit_reached(limit, peer)

    def limit_reached(self, limit: str, peer: str) -> LimitReached:
        """Return the refusal of a peer that met a limit, which is counted and logged."""
        self._limits.met(limit, peer)
        most = getattr(self._limits.settings, limit)
        return LimitReached(
            f"limits.{limit}", f"the limit {limit} ({most}) is reached", logged=True
        )

    def add(self, end: End) -> None:
        """Take an end in."""
        if end.address_block:
            self._by_address[end.address_block] += 1
        self._by_id[end.id] = end
        self._by_side[end.side] += 1
        if end.side is Side.PLAY and end.leaves_by_itself:
            self._waited_for += 1
            self.readers_gone.clear()
        if self.order is not None:
            self.order.add(end)

    def remove(self, end: End) -> None:
        """Forget an end; one that is not there is no error."""
        if self._by_id.pop(end.id, None) is None:
            return
        if self.order is not None:
            self.order.remove(end)
        self._by_side[end.side] -= 1
        if end.side is Side.PLAY and end.leaves_by_itself:
            self._waited_for -= 1
            if not self._waited_for:
                self.readers_gone.set()
        if end.address_block:
            self._by_address[end.address_block] -= 1
            if self._by_address[end.address_block] <= 0:
                del self._by_address[end.address_block]

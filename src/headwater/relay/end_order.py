"""The ids of publishers and readers in order, for lists of which somebody looks at one page."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from heapq import merge
from itertools import islice

from headwater.relay.end import End
from headwater.side import Side


class EndOrder:
    """Keeps them in order while they come and go: for a page nobody else is looked at."""

    def __init__(self, ends: Iterable[End]) -> None:
        self._ids: dict[Side, list[str]] = {side: [] for side in Side}
        for end in ends:
            self._ids[end.side].append(end.id)
        for ids in self._ids.values():
            ids.sort()

    def add(self, end: End) -> None:
        """Note one that has come."""
        insort(self._ids[end.side], end.id)

    def remove(self, end: End) -> None:
        """Forget one that is gone, which must be there."""
        ids = self._ids[end.side]
        del ids[bisect_left(ids, end.id)]

    def page(self, side: Side | None, after: str | None, limit: int | None) -> list[str]:
        """Return the ids of one side, or of both, that stand behind one; None: from the first."""
        sides = Side if side is None else (side,)
        behind = (self._behind(self._ids[each], after, limit) for each in sides)
        return list(islice(merge(*behind), limit))

    def total(self, side: Side | None) -> int:
        """Return how many there are of one side, or of both."""
        sides = Side if side is None else (side,)
        return sum(len(self._ids[each]) for each in sides)

    @staticmethod
    def _behind(ids: list[str], after: str | None, limit: int | None) -> list[str]:
        first = 0 if after is None else bisect_right(ids, after)
        return ids[first:] if limit is None else ids[first : first + limit]

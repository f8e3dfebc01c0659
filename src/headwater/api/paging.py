"""Pages of a list that changes while it is read: each begins behind the last item of the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from headwater.api.operation import Call

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT]):
    """One page.

    Attributes:
        items: what is on it.
        total: how many items all pages have.
        next: what to ask for as `after`; None on the last page.
    """

    items: Sequence[ItemT]
    total: int
    next: str | None

    @classmethod
    def of(cls, call: Call, items: Iterable[ItemT], key: Callable[[ItemT], str]) -> Page[ItemT]:
        """Return the page that a call asks for, in the order of the keys."""
        ordered = sorted(items, key=key)
        limit, after = call.query["limit"], call.query["after"]
        first = 0 if after is None else bisect_right(ordered, after, key=key)
        page = ordered[first : first + limit]
        more = first + limit < len(ordered)
        return cls(page, len(ordered), key(page[-1]) if more else None)

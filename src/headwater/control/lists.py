"""Long lists of what is live: what somebody wants of one, and the part of it that answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from headwater.media.snapshot import ReaderSnapshot
from headwater.protocol.path_pattern import matches
from headwater.relay.end import End, EndKind, SessionSnapshot
from headwater.side import Side

ItemT = TypeVar("ItemT")

EVERYTHING = "**"
"""The pattern of all paths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListWanted:
    """What somebody asks for of a list; of what is None any will do.

    Attributes:
        allowed: patterns of the paths that they may see.
        path: a pattern of paths.
        user, address, kind, side: of sessions.
        after: the key behind which the part begins; None: at the first.
        limit: most items of the part; None for all.
    """

    allowed: tuple[str, ...] = (EVERYTHING,)
    path: str | None = None
    user: str | None = None
    address: str | None = None
    kind: EndKind | None = None
    side: Side | None = None
    after: str | None = None
    limit: int | None = None

    @property
    def takes_any(self) -> bool:
        """Whether every session of the side is wanted, so that none needs a look."""
        others = (self.path, self.user, self.address, self.kind)
        return EVERYTHING in self.allowed and all(each is None for each in others)

    def takes_path(self, path: str) -> bool:
        """Return whether something of this path is wanted."""
        return (self.path is None or matches(self.path, path)) and (
            EVERYTHING in self.allowed or any(matches(each, path) for each in self.allowed)
        )

    def takes(self, end: End) -> bool:
        """Return whether a publisher or reader is wanted."""
        return (
            (self.side is None or end.side is self.side)
            and (self.kind is None or end.kind is self.kind)
            and (self.user is None or end.username == self.user)
            and (self.address is None or host_of(end.peer) == self.address)
            and self.takes_path(end.path)
        )


@dataclass(frozen=True, slots=True)
class Part(Generic[ItemT]):
    """A part of a list.

    Attributes:
        items: those of the part, in the order of their keys.
        total: how many the list has.
        more: whether there are others behind these.
    """

    items: tuple[ItemT, ...]
    total: int
    more: bool


@dataclass(frozen=True, slots=True)
class SeenSession:
    """A publisher or reader, with what its mount knows of it.

    Attributes:
        session: the publisher or reader.
        playing: what a reader was sent and missed; None of one that has no place of its own on the
            mount, such as a browser.
        kernel_drops: what the kernel dropped of a publisher's packets.
    """

    session: SessionSnapshot
    playing: ReaderSnapshot | None = None
    kernel_drops: int = 0


def part_of(items: Iterable[ItemT], wanted: ListWanted, key: Callable[[ItemT], str]) -> Part[ItemT]:
    """Return the part that is wanted of a list of any order."""
    found = sorted(items, key=key)
    behind = found if wanted.after is None else [item for item in found if key(item) > wanted.after]
    return Part(
        tuple(behind[: wanted.limit]), len(found), len(behind) > len(behind[: wanted.limit])
    )


def joined(
    parts: Iterable[Part[ItemT]], limit: int | None, key: Callable[[ItemT], str]
) -> Part[ItemT]:
    """Return the part of a list that is kept in several places, none of it in two of them."""
    parts = tuple(parts)
    if len(parts) == 1:
        return parts[0]
    items = sorted((item for part in parts for item in part.items), key=key)
    chosen = tuple(items[:limit])
    more = len(items) > len(chosen) or any(part.more for part in parts)
    return Part(chosen, sum(part.total for part in parts), more)


def host_of(peer: str) -> str:
    """Return the address of a peer as snapshots name it, without its port."""
    return peer.rpartition(":")[0].strip("[]")

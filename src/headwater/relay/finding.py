"""Finding a mount that readers ask for: one that is there, or one that can be made to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from headwater.hooks import HookRequest
from headwater.media.mount import Mount
from headwater.media.mount_table import MountTable
from headwater.protocol.header.node_ask import NodeAsk


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader asks for.

    Attributes:
        path: the mount's path.
        request: what the owner's hooks see of the request.
        node: what another node of the cluster says that asks; None for any other reader.
        stays: whether it was decided before that the reader is sent to no other server.
    """

    path: str
    request: HookRequest
    node: NodeAsk | None = None
    stays: bool = False


class MountFinder(Protocol):
    """Somebody who can have a mount opened because a reader asks for it."""

    async def find(self, wanted: Wanted) -> Mount | None:
        """Return the mount, None for a path that is not its own.

        It may take its time, within a bound of its own: nobody else waits for it. Raises SourceDown
        or SourceTooSlow for a path of its own that cannot be had now, LimitReached where readers
        ask for too many, Elsewhere where the reader is to go to another server, and NotHere to
        another node that asks the wrong one.
        """


class MountFinding:
    """Asks the finders in the order in which they were added."""

    def __init__(self, mounts: MountTable) -> None:
        self._mounts = mounts
        self._finders: list[MountFinder] = []
        self.sends_away: Callable[[], bool] = _never
        """Whether finders may send readers elsewhere that want a mount which is here."""

    def add(self, finder: MountFinder) -> None:
        """Ask this one too, after those before it."""
        self._finders.append(finder)

    def add_first(self, finder: MountFinder) -> None:
        """Ask this one before all others."""
        self._finders.insert(0, finder)

    def here(self, path: str) -> Mount | None:
        """Return the mount of a path if it is open, and nobody has to be asked for it."""
        return None if self.sends_away() else self._mounts.get(path)

    async def find(self, wanted: Wanted) -> Mount | None:
        """Return the mount of a path; None where there is none. Raises what finders raise."""
        for finder in self._finders:
            mount = await finder.find(wanted)
            if mount is not None:
                return mount
        return self._mounts.get(wanted.path)


def _never() -> bool:
    return False

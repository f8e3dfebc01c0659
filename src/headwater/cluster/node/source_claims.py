"""Which sources this node fetches for the whole cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from headwater.cluster.node.directory import LeaseDirectory
from headwater.cluster.node.holding import Held, Holding
from headwater.cluster.node.placement import order_of
from headwater.cluster.registry.records import NodeRecord
from headwater.cluster.registry.registry import RegistryGone
from headwater.log_pace import paced_logger
from headwater.media.errors import MountBusy

logger = paced_logger(__name__)

_SECOND_TURN_S: Final = 1.5
"""So long the others leave a source to the node that is to take it, for each place behind it."""


_UNWANTED_S: Final = 3.0
"""A source that has just been claimed may not have been asked to start yet."""


class Sources(Protocol):
    """The sources of a node's settings and program, as far as they are placed."""

    def has(self, path: str) -> bool:
        """Return whether a path has a source."""

    def permanent(self) -> Iterable[str]:
        """Yield the paths that are fetched whether somebody reads them or not."""

    def is_wanted(self, path: str) -> bool:
        """Return whether a source that is here is to go on."""

    def look_again(self) -> None:
        """Start what this node fetches, and end what it does not any more."""


class SourceClaims:
    """Claims paths for their sources, each at one node of the cluster.

    A source that is always fetched is claimed as soon as nobody has it; one that readers ask for,
    when they do. It stays where it is until its node dies, drains or wants it no more.
    """

    def __init__(
        self,
        name: str,
        holding: Holding,
        directory: LeaseDirectory,
        nodes: Callable[[], Mapping[str, NodeRecord]],
        clock: Callable[[], float],
    ) -> None:
        self.sources: Sources | None = None
        """Set before the node begins."""
        self.drains = False
        """Whether this node is to take none."""
        self.fetches: Callable[[str], bool] = lambda _: True
        """Whether this process is the one of its node that fetches a path."""
        self.on_claimed: Callable[[str], None] = lambda _: None
        """Told of each path that this process is to fetch from now on."""
        self.unsettled = False
        """Whether some were free at the last look, and another node was to take them first."""
        self._name = name
        self._holding = holding
        self._directory = directory
        self._nodes = nodes
        self._clock = clock
        self._held: dict[str, Held] = {}
        self._claiming: dict[str, asyncio.Task[bool]] = {}
        # Since when a path is seen without a node that fetches it.
        self._free_since_s: dict[str, float] = {}
        # Since when nobody wants what is held.
        self._unwanted_since_s: dict[str, float] = {}

    def knows(self, path: str) -> bool:
        """Return whether a path has a source here."""
        return self.sources is not None and self.sources.has(path)

    def holds(self, path: str) -> bool:
        """Return whether this node fetches a path."""
        return path in self._held

    def held(self, path: str) -> Held | None:
        """Return by what claim it does."""
        return self._held.get(path)

    def chosen(self, path: str) -> NodeRecord | None:
        """Return the node that is to fetch a path."""
        order = order_of(path, self._nodes().values())
        return order[0] if order else None

    async def claim(self, path: str) -> bool:
        """Have a path for its source; False where another node has it."""
        if path in self._held:
            return True
        if self.drains:
            return False
        task = self._claiming.get(path)
        if task is None:
            task = self._claiming[path] = asyncio.get_running_loop().create_task(self._claim(path))
            task.add_done_callback(lambda _: self._claiming.pop(path, None))
        return await asyncio.shield(task)

    async def settled(self, path: str) -> None:
        """Wait for a claim of a path that is on its way."""
        task = self._claiming.get(path)
        if task is not None:
            await asyncio.wait([task])

    async def take_free(self, paths: Iterable[str] | None = None) -> None:
        """Claim the sources that are to be fetched always and that no node fetches.

        `paths` are those that have just become free; else all are looked at.
        """
        if self.sources is None or self.drains:
            return
        permanent = set(filter(self.fetches, self.sources.permanent()))
        wanted = permanent if paths is None else permanent.intersection(paths)
        looked_at = [path for path in wanted if path not in self._held]
        taken = await asyncio.gather(*map(self._take_if_free, looked_at))
        for path in looked_at if paths is None else ():
            if path in self._held or path not in permanent:
                self._free_since_s.pop(path, None)
        self.unsettled = bool(self._free_since_s)
        if any(taken):
            self.sources.look_again()

    def check(self) -> list[Held]:
        """Return what nobody wants any more, which is held no longer: to be released."""
        sources, now = self.sources, self._clock()
        if sources is None:
            return []
        since_s = self._unwanted_since_s
        self._unwanted_since_s = {
            path: since_s.get(path, now) for path in self._held if not sources.is_wanted(path)
        }
        return [
            held
            for path, began_s in self._unwanted_since_s.items()
            if now - began_s >= _UNWANTED_S
            and (held := self._held[path])
            and self._forget(path, held)
        ]

    def drain(self) -> list[Held]:
        """Fetch nothing more; returns what was held, to be released."""
        self.drains = True
        given_up = [held for path, held in tuple(self._held.items()) if self._forget(path, held)]
        if self.sources is not None:
            self.sources.look_again()
        return given_up

    def lost(self, held: Held) -> None:
        """Fetch no more what another node has."""
        if self._held.get(held.tenure.path) is held:
            del self._held[held.tenure.path]
            if self.sources is not None:
                self.sources.look_again()

    async def _claim(self, path: str) -> bool:
        try:
            held = await self._holding.claim(path, tries=1)
        except MountBusy as error:
            logger.debug("source not claimed", extra={"mount": path, "cause": str(error)})
            return False
        self._held[path] = held
        self.on_claimed(path)
        return True

    async def _take_if_free(self, path: str) -> bool:
        try:
            lease = await self._directory.find(path, anew=True)
        except RegistryGone:
            lease = None
        now = self._clock()
        holder = None if lease is None else lease.tenure.holder
        if holder not in {None, self._name}:
            if holder in self._nodes():
                self._free_since_s.pop(path, None)
            else:
                # Of a node that has died: it is free as soon as the lease ends.
                self._free_since_s.setdefault(path, now)
            return False
        free_s = now - self._free_since_s.setdefault(path, now)
        names = [node.name for node in order_of(path, self._nodes().values())]
        place = names.index(self._name) if self._name in names else len(names)
        if free_s < place * _SECOND_TURN_S:
            return False
        self._free_since_s.pop(path, None)
        return await self.claim(path)

    def _forget(self, path: str, held: Held) -> bool:
        del self._held[path]
        return self._holding.forget(held)

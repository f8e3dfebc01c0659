"""All sources of a server, by the path that each fills."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from headwater.client.surroundings import Surroundings
from headwater.client.transport_memory import TransportMemory
from headwater.hooks import HookRunner
from headwater.log_pace import paced_logger
from headwater.media.mount import Mount
from headwater.media.path_difference import PathDifference
from headwater.relay.errors import LimitReached
from headwater.relay.finding import Wanted
from headwater.relay.relay import Relay
from headwater.relay.settings import RelaySettings
from headwater.sources.plan import PlannedSource, SourcePlan
from headwater.sources.resolver import SourceResolver
from headwater.sources.settings import SourceSettings, SourcesSettings
from headwater.sources.snapshot import SourceSnapshot
from headwater.sources.start_gate import StartGate
from headwater.sources.surroundings import SourceSurroundings

if TYPE_CHECKING:
    from headwater.sources.path_source import PathSource

logger = paced_logger(__name__)


class SourceTableSettings(RelaySettings, Protocol):
    """The sections that sources go by."""

    @property
    def sources(self) -> SourcesSettings:
        """How all of them together are treated."""


class SourceTable:
    """Starts and ends the sources of a configuration, those of the program, and those that readers
    ask for. Each has a task of its own: what one does wrong costs nobody else.

    Attributes:
        around: what they share.
    """

    def __init__(self, relay: Relay, settings: SourceTableSettings, hooks: HookRunner) -> None:
        """`hooks` are those of the playing side."""
        pace = settings.sources
        self._relay = relay
        self.around = SourceSurroundings(
            relay=relay,
            client=Surroundings.of(relay, settings.sockets),
            memory=TransportMemory(),
            gate=StartGate(pace.starts_at_once),
            reader_gate=StartGate(pace.starts_at_once),
            settings=pace,
        )
        self._plan = SourcePlan(settings.overrides_of(SourceSettings))
        # By path: of the program, which go before those of the configuration.
        self._added: dict[str, PlannedSource] = {}
        # And of the owner's hook, for as long as somebody wants them.
        self._resolved: dict[str, PlannedSource] = {}
        self._resolver = SourceResolver(relay, hooks)
        self._sources: dict[str, PathSource] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False
        relay.path_watch.register(SourceSettings, self._paths_changed)
        relay.finding.add(self)
        relay.reservations.is_kept = self.has
        relay.upkeep.add(self._check)

    def __iter__(self) -> Iterator[PathSource]:
        return iter(tuple(self._sources.values()))

    def __len__(self) -> int:
        return len(self._sources)

    def snapshots(self) -> Iterator[SourceSnapshot]:
        """Yield what fills each path, as it is now."""
        return (source.snapshot() for source in self)

    def snapshot_of(self, path: str) -> SourceSnapshot | None:
        """Return what fills a path, as it is now; None where nothing does."""
        source = self._sources.get(path)
        return None if source is None else source.snapshot()

    def start(self, added: Mapping[str, PlannedSource]) -> None:
        """Start what is to be there from the beginning; `added` is what the program gave before."""
        self._added = dict(added)
        self._arrange()

    def has(self, path: str) -> bool:
        """Return whether a path has a source, be it started or not."""
        return path in self._sources or self._planned(path) is not None

    def permanent(self) -> Iterator[str]:
        """Yield the paths that are fetched whether somebody reads them or not."""
        for path, planned in (dict(self._plan.named()) | self._added).items():
            if not planned.on_demand:
                yield path

    def is_wanted(self, path: str) -> bool:
        """Return whether a source that is here is to go on, or to be tried again."""
        planned, source = self._planned(path), self._sources.get(path)
        if planned is not None and not planned.on_demand:
            return True
        return source is not None and (source.awaited or not source.is_resting)

    def look_again(self) -> None:
        """Start what this process is to fetch now, and end what it is not to any more."""
        fetches = self._relay.name_space.fetches
        for path in tuple(self._sources):
            if not fetches(path):
                self._drop(path, "another node fetches it", grace=True)
        self._arrange()

    def apply(self, settings: SourceTableSettings) -> None:
        """Go by other settings of all sources; changed paths are told by the relay's path watch."""
        pace = settings.sources
        around = self.around
        around.settings = pace
        around.gate.most = around.reader_gate.most = pace.starts_at_once
        around.client = Surroundings.of(self._relay, settings.sockets)

    def add(self, path: str, planned: PlannedSource) -> None:
        """Give a path a source. Raises RuntimeError where it has another one."""
        if self._added.get(path, planned) != planned:
            raise RuntimeError(f"{path} has a source; remove it first")
        self._added[path] = planned
        self._put(path, planned)

    def change(self, path: str, planned: PlannedSource) -> None:
        """Give a path a source, or another one in place of what was added; readers stay."""
        self._added[path] = planned
        self._put(path, planned)

    def is_added(self, path: str) -> bool:
        """Return whether the program, or the API, has named a source for a path."""
        return path in self._added

    def is_named(self, path: str) -> bool:
        """Return whether a section or the program names a source for a path."""
        return path in self._added or self._plan.of(path) is not None

    async def remove(self, path: str) -> None:
        """End a source that was added, and wait until it is gone. Raises LookupError for none."""
        if self._added.pop(path, None) is None:
            raise LookupError(f"no source was added for {path}")
        removed = self._sources.get(path)
        self._put(path, self._plan.of(path))
        if removed is not None:
            await removed.stopped()

    def want(self, path: str) -> None:
        """Have what is fetched on demand started, where a setting or the program names it."""
        planned = None if self._closed else self._planned(path)
        if planned is None or not self._relay.name_space.fetches(path):
            return
        source = self._sources.get(path)
        if source is None:
            source = self._begin(path, planned)
        source.want()

    async def find(self, wanted: Wanted) -> Mount | None:
        """Return the mount of a path that has a source, started where need be; else None."""
        path, name_space = wanted.path, self._relay.name_space
        source = self._sources.get(path)
        planned = None if source is None else source.planned
        if planned is None:
            if not name_space.resolves(path):
                return None
            planned = self._planned(path) or await self._resolver.resolve(wanted)
        if planned is None or not await name_space.may_fetch(path) or self._closed:
            return None
        # The hook may have taken its time: others, who were asked for with it, were faster.
        source = self._sources.get(path)
        if source is None:
            self._require_room()
            if self._planned(path) is None:
                self._resolved[path] = planned
            source = self._begin(path, planned)
        return await source.mount()

    def close(self) -> None:
        """End all sources, for shutdown; mounts are closed by the server."""
        self._closed = True
        for path in tuple(self._sources):
            self._drop(path, "server stopped", grace=False)

    async def closed(self) -> None:
        """Wait until all sources have given everything back."""
        await self._resolver.aclose()
        while self._ending:
            await asyncio.wait(self._ending)

    def _begin(self, path: str, planned: PlannedSource) -> PathSource:
        # Loaded here: most servers fetch nothing, and need no client.
        from headwater.sources.path_source import PathSource

        source = self._sources[path] = PathSource(path, planned, self.around)
        return source

    def _planned(self, path: str) -> PlannedSource | None:
        return self._added.get(path) or self._plan.of(path) or self._resolved.get(path)

    def _paths_changed(self, difference: PathDifference) -> None:
        before = dict(self._plan.named())
        self._plan = SourcePlan(difference.overrides)
        self._arrange()
        for path in before:
            if not self.has(path):
                self._leave_alone(path)

    def _arrange(self) -> None:
        """Have every path do what is planned; one whose plan is as before is not touched."""
        named = dict(self._plan.named()) | self._added
        fetches = self._relay.name_space.fetches
        wanted = {path: planned for path, planned in named.items() if fetches(path)}
        for path in tuple(self._sources):
            self._put(path, wanted.get(path) or self._planned(path))
        for path, planned in wanted.items():
            self._put(path, planned)

    def _put(self, path: str, planned: PlannedSource | None) -> None:
        present = self._sources.get(path)
        if self._closed or (present is not None and present.planned == planned):
            return
        before = None
        if present is not None:
            reason = "its source was changed" if planned else "its source was removed"
            before = self._drop(path, reason, grace=planned is not None)
        if planned is None:
            self._leave_alone(path)
            return
        if planned.by_readers and present is None:
            return
        if not self._relay.name_space.fetches(path):
            return
        source = self._begin(path, planned)
        mount = self._relay.mounts.get(path)
        if not planned.on_demand or (mount is not None and mount.has_demand):
            source.start(before)

    def _leave_alone(self, path: str) -> None:
        """Close a mount whose readers wait for a source that is not to come any more."""
        mount = self._relay.mounts.get(path)
        if mount is not None and mount.publisher is None:
            mount.close("its source was removed")

    def _drop(self, path: str, reason: str, *, grace: bool) -> PathSource:
        source = self._sources.pop(path)
        source.stop(reason, grace=grace)
        task = self._relay.loop.beneath.create_task(source.stopped())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return source

    def _require_room(self) -> None:
        most = self.around.settings.on_demand_paths
        asked_for = [path for path, source in self._sources.items() if source.planned.by_readers]
        if len(asked_for) >= most:
            raise LimitReached(
                "sources.on_demand_paths",
                f"readers have asked for {most} paths with a source already",
            )

    def _check(self, now: float) -> None:
        for path, source in tuple(self._sources.items()):
            source.check(now)
            if source.planned.by_readers and source.is_resting and not source.awaited:
                self._resolved.pop(path, None)
                self._drop(path, "nobody wants it", grace=False)

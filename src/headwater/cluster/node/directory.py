"""Who has which path, as a node knows it: asked of the registry as rarely as can be."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from headwater.cluster.node.endings import until_ended
from headwater.cluster.registry.records import Change, Lease, News
from headwater.cluster.registry.registry import Registry, RegistryGone
from headwater.log_pace import paced_logger

logger = paced_logger(__name__)

_KEPT_S = 0.75
"""For so long an answer counts, also that nobody has a path: strangers may ask for any name."""
_MOST_KEPT = 16_384
_MOST_AT_ONCE = 256
"""Of the paths that are asked for in one pipeline."""


class LeaseDirectory:
    """Looks leases up: once for all who ask for a path together, and many paths in one pipeline.

    News make what is known of a path void. They may be lost, so nothing is known for long.

    Attributes:
        asked: how many paths the registry was asked for.
    """

    def __init__(self, registry: Registry, clock: Callable[[], float]) -> None:
        self.asked = 0
        self._registry = registry
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Lease | None]] = OrderedDict()
        self._asking: dict[str, asyncio.Future[Lease | None]] = {}
        self._waiting: list[str] = []
        self._task: asyncio.Task[None] | None = None

    async def find(self, path: str, *, anew: bool = False) -> Lease | None:
        """Return who has a path; None for nobody. Raises RegistryGone.

        `anew`: what was asked for before this call does not count.
        """
        if not anew:
            until_s, lease = self._known.get(path, (0.0, None))
            if self._clock() < until_s:
                return lease
        elif path in self._asking and path not in self._waiting:
            # The question is on its way, and its answer may be older than what the caller knows.
            await asyncio.wait([self._asking[path]])
        future = self._asking.get(path)
        if future is None:
            future = self._asking[path] = asyncio.get_running_loop().create_future()
            self._waiting.append(path)
            if self._task is None:
                self._task = asyncio.get_running_loop().create_task(self._ask())
        return await asyncio.shield(future)

    def hear(self, news: News) -> None:
        """Forget what is known of a path that something happened to."""
        if news.change is not Change.WAY:
            self.forget(news.tenure.path)

    def forget(self, path: str) -> None:
        """Ask anew for a path, also where an answer is on its way."""
        self._known.pop(path, None)
        if path in self._asking and path not in self._waiting:
            self._asking[path].add_done_callback(lambda _: self._known.pop(path, None))

    def forget_all(self) -> None:
        """Ask anew for everything: news may have been missed."""
        self._known.clear()

    async def aclose(self) -> None:
        """Ask nothing more."""
        await until_ended(lambda: [] if self._task is None else [self._task], 0.0)
        for future in self._asking.values():
            if not future.done():
                future.set_exception(RegistryGone("the server stops"))
                future.exception()

    async def _ask(self) -> None:
        """Ask for all that waits; what comes meanwhile goes into the next question."""
        try:
            while self._waiting:
                # Who asks in this turn of the loop is asked for as well.
                await asyncio.sleep(0)
                paths = self._waiting[:_MOST_AT_ONCE]
                del self._waiting[:_MOST_AT_ONCE]
                await self._ask_for(paths)
        finally:
            self._task = None

    async def _ask_for(self, paths: list[str]) -> None:
        self.asked += len(paths)
        try:
            found = await self._registry.look_up(paths)
        except Exception as error:
            if not isinstance(error, RegistryGone):
                logger.exception("leases were not looked up")
            for path in paths:
                future = self._asking.pop(path)
                if not future.done():
                    future.set_exception(RegistryGone(str(error)))
                    future.exception()  # who asked may have left
            return
        until_s = self._clock() + _KEPT_S
        for path, lease in found.items():
            self._known[path] = until_s, lease
            self._known.move_to_end(path)
            future = self._asking.pop(path)
            if not future.done():
                future.set_result(lease)
        while len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)

"""The mounts that this process takes from others, each once for all who want it here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from headwater.cluster.leases import Tenure
from headwater.log_pace import paced_logger
from headwater.media.mount import Mount
from headwater.relay.finding import Wanted
from headwater.relay.relay import Relay

logger = paced_logger(__name__)

_FETCHING_DEADLINE_S = 60.0
"""For a mount whose source has to start; who fetches it has a deadline of its own."""
_LOOK_AGAIN_S = 0.5
"""Where a pull did not begin at all, such as from a worker that has just lost the path."""

FindHolder = Callable[[str, Wanted | None], Awaitable[Tenure | None]]
"""Says who has a path, or can fetch it for a reader, if not this process."""


class Pulled(Protocol):
    """A mount that another process sends, and that fills one here.

    Attributes:
        tenure: whose packets these are. The pull ends with it.
        mount: what it fills; None before the description has come, and after the end.
        opened: done once the mount is there, or None where it does not come; its source's error
            where that is why.
        began: whether it ever filled its mount.
    """

    tenure: Tenure
    mount: Mount | None
    opened: asyncio.Future[Mount | None]
    began: bool

    def end(self, reason: str) -> None:
        """Pull no more; the mount waits out its grace or closes. A second call does nothing."""


OnEnded = Callable[[Pulled, str], None]
"""Told once that a pull has ended, and why."""
BeginPull = Callable[[Tenure, Wanted | None, OnEnded], Pulled]
"""Begins to pull from the holder of a tenure; for a reader where that has to fetch it first."""


class Pulls:
    """Begins pulls for those who ask for a mount, and for mounts that wait for a publisher."""

    def __init__(
        self,
        relay: Relay,
        find_holder: FindHolder,
        begin: BeginPull,
        *,
        linger_s: float,
        opening_deadline_s: float,
    ) -> None:
        self.linger_s = linger_s
        """How long a pull goes on without a reader; may be changed at any time."""
        self._relay = relay
        self._find_holder = find_holder
        self._begin_pull = begin
        self._opening_deadline_s = opening_deadline_s
        self._beginning: dict[str, asyncio.Task[Mount | None]] = {}
        # When each last had a reader.
        self._open: dict[Pulled, float] = {}
        self._stopped = False

    def __len__(self) -> int:
        return len(self._open)

    def has(self, path: str) -> bool:
        """Return whether a path is pulled, or about to be."""
        return self.of(path) is not None

    def of(self, path: str) -> Pulled | None:
        """Return the pull of a path."""
        return next((pulled for pulled in self._open if pulled.tenure.path == path), None)

    def tenures(self) -> list[Tenure]:
        """Return whose packets are pulled."""
        return [pulled.tenure for pulled in self._open]

    async def bring(self, path: str, wanted: Wanted | None = None) -> Mount | None:
        """Return the mount of a path that another process has; None where there is none.

        All who ask while it is on its way wait for the same pull. `wanted` is what a reader asks
        for, who may have a source fetched.
        """
        if self._stopped:
            return None
        task = self._beginning.get(path)
        if task is None:
            task = self._beginning[path] = asyncio.get_running_loop().create_task(
                self._begin(path, wanted)
            )
            task.add_done_callback(lambda _: self._beginning.pop(path, None))
        return await asyncio.shield(task)

    def publisher_up(self, tenure: Tenure) -> None:
        """Go to the publisher that a path has now, where readers here wait for one."""
        pulled = self.of(tenure.path)
        if pulled is not None and _is_behind(pulled, tenure):
            pulled.end("another publisher has the path")
        else:
            self.look_again(tenure.path)

    def leave(self, path: str) -> None:
        """Pull a path no more: it is filled here from now on."""
        pulled = self.of(path)
        if pulled is not None:
            pulled.end("a publisher here has the path")

    def check(self, now: float) -> None:
        """End the pulls that nobody has read for a while; once a second.

        Those who asked for one that is still on its way cannot read it yet.
        """
        for pulled, read_s in tuple(self._open.items()):
            mount = pulled.mount
            if not pulled.opened.done() or (mount is not None and mount.readers):
                self._open[pulled] = now
            elif now - read_s >= self.linger_s:
                pulled.end("nobody reads")

    def stop(self) -> None:
        """End all pulls, and begin none."""
        self._stopped = True
        for task in tuple(self._beginning.values()):
            task.cancel()
        for pulled in tuple(self._open):
            pulled.end("server stopped")

    async def _begin(self, path: str, wanted: Wanted | None) -> Mount | None:
        tenure = await self._find_holder(path, wanted)
        present = self._relay.mounts.get(path)
        if tenure is None or (present is not None and present.publisher is not None):
            return present
        fetched = wanted if not tenure.epoch else None
        pulled = self._begin_pull(tenure, fetched, self._ended)
        self._open[pulled] = self._relay.clock()
        deadline_s = self._opening_deadline_s if fetched is None else _FETCHING_DEADLINE_S
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.shield(pulled.opened)
        except TimeoutError:
            extra = {"mount": path, "peer": tenure.holder, "cause": "no answer in time"}
            logger.warning("a mount of another process did not come", extra=extra)
            return None
        finally:
            if not pulled.opened.done():
                pulled.end("it did not come in time")

    def _ended(self, pulled: Pulled, reason: str) -> None:
        self._open.pop(pulled, None)
        path, holder = pulled.tenure.path, pulled.tenure.holder
        logger.debug("pull ended", extra={"mount": path, "peer": holder, "cause": reason})
        # Another may have the path already: the news of it came while this one went on.
        if pulled.began:
            self.look_again(path)
        else:
            self._relay.loop.call_later(_LOOK_AGAIN_S, self.look_again, path)

    def look_again(self, path: str) -> None:
        """Look who has a path whose readers here wait for a publisher."""
        mount = self._relay.mounts.get(path)
        if mount is not None and mount.publisher is None and not self._stopped:
            task = asyncio.get_running_loop().create_task(self.bring(path))
            task.add_done_callback(_outcome)


def _is_behind(pulled: Pulled, tenure: Tenure) -> bool:
    """Return whether a pull is of an earlier claim; by which one a source comes is told later."""
    epoch = pulled.tenure.epoch
    return epoch < tenure.epoch and (epoch != 0 or pulled.mount is not None)


def _outcome(task: asyncio.Task[Mount | None]) -> None:
    """Note what came of a look that nobody awaits."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a mount of another process was not brought", exc_info=error)

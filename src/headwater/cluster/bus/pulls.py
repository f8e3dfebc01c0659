"""The mounts that this process takes from others, each once for all who want it here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from headwater.cluster.bus.receiving import BusPublisher
from headwater.cluster.leases import Tenure
from headwater.log_pace import paced_logger
from headwater.media.mount import Mount
from headwater.relay.finding import Wanted
from headwater.relay.relay import Relay

logger = paced_logger(__name__)

_OPENING_DEADLINE_S = 3.0
_FETCHING_DEADLINE_S = 60.0
"""The same where a source has to start; the process that fetches it has a deadline of its own."""
_LOOK_AGAIN_S = 0.5
"""Where a pull did not begin at all, such as from a worker that has just lost the path."""

FindHolder = Callable[[str, Wanted | None], Awaitable[Tenure | None]]
"""Says who has a path, or can fetch it for a reader, if not this process."""
ConnectTo = Callable[[Tenure, Wanted | None, socket.socket], None]
"""Gives a socket to the holder of a tenure, which it then sends the mount on."""


class Pulls:
    """Begins pulls for those who ask for a mount, and for mounts that wait for a publisher."""

    def __init__(
        self, relay: Relay, find_holder: FindHolder, connect_to: ConnectTo, *, linger_s: float
    ) -> None:
        self.linger_s = linger_s
        """How long a pull goes on without a reader; may be changed at any time."""
        self._relay = relay
        self._find_holder = find_holder
        self._connect_to = connect_to
        self._beginning: dict[str, asyncio.Task[Mount | None]] = {}
        # When each last had a reader.
        self._open: dict[BusPublisher, float] = {}
        self._stopped = False

    def __len__(self) -> int:
        return len(self._open)

    def has(self, path: str) -> bool:
        """Return whether a path is pulled, or about to be."""
        return any(publisher.tenure.path == path for publisher in self._open)

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
        mount = self._relay.mounts.get(tenure.path)
        publisher = None if mount is None else mount.publisher
        if isinstance(publisher, BusPublisher) and publisher.tenure.epoch < tenure.epoch:
            publisher.end("another publisher has the path")
        else:
            self._look_again(tenure.path)

    def check(self, now: float) -> None:
        """End the pulls that nobody has read for a while; once a second."""
        for publisher, read_s in tuple(self._open.items()):
            mount = publisher.mount
            if mount is not None and mount.readers:
                self._open[publisher] = now
            elif now - read_s >= self.linger_s:
                publisher.end("nobody reads")

    def stop(self) -> None:
        """End all pulls, and begin none."""
        self._stopped = True
        for task in tuple(self._beginning.values()):
            task.cancel()
        for publisher in tuple(self._open):
            publisher.end("server stopped")

    async def _begin(self, path: str, wanted: Wanted | None) -> Mount | None:
        tenure = await self._find_holder(path, wanted)
        present = self._relay.mounts.get(path)
        if tenure is None or (present is not None and present.publisher is not None):
            return present
        own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        publisher = BusPublisher(self._relay, tenure, own, self._ended)
        self._open[publisher] = self._relay.clock()
        fetched = wanted if not tenure.epoch else None
        self._connect_to(tenure, fetched, other)
        deadline_s = _OPENING_DEADLINE_S if fetched is None else _FETCHING_DEADLINE_S
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.shield(publisher.opened)
        except TimeoutError:
            extra = {"mount": path, "peer": tenure.holder, "cause": "no answer in time"}
            logger.warning("a mount of another worker did not come", extra=extra)
            return None
        finally:
            if not publisher.opened.done():
                publisher.end("it did not come in time")

    def _ended(self, publisher: BusPublisher, reason: str) -> None:
        self._open.pop(publisher, None)
        path = publisher.tenure.path
        logger.debug("pull ended", extra={"mount": path, "peer": publisher.peer, "cause": reason})
        # Another may have the path already: the news of it came while this one went on.
        if publisher.began:
            self._look_again(path)
        else:
            self._relay.loop.call_later(_LOOK_AGAIN_S, self._look_again, path)

    def _look_again(self, path: str) -> None:
        mount = self._relay.mounts.get(path)
        if mount is not None and mount.publisher is None and not self._stopped:
            task = asyncio.get_running_loop().create_task(self.bring(path))
            task.add_done_callback(_outcome)


def _outcome(task: asyncio.Task[Mount | None]) -> None:
    """Note what came of a look that nobody awaits."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a mount of another worker was not brought", exc_info=error)

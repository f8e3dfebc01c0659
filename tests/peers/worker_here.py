"""A worker that runs on the test's loop instead of in a process of its own.

It is a whole server on real sockets. Its order, the supervisor's words and the connections that
are passed on come by the same socket as to a process; only its id and exit code are made up.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Iterator

from machine import die

from headwater import RtspServer
from headwater.app.workers.worker import Worker, WorkerOrder
from headwater.cluster.channel import first_message

KILLED = -9

_pids: Iterator[int] = itertools.count(1_000_000)


class WorkerHere:
    """What `spawn_worker` would have started.

    With its order it begins to serve; or it exits with a code, or does nothing, as it was made.
    """

    def __init__(
        self, control: socket.socket, *, exits_with: int | None = None, hangs: bool = False
    ) -> None:
        loop = asyncio.get_running_loop()
        self.pid = next(_pids)
        self.server: RtspServer | None = None
        self.worker: Worker | None = None
        self.order: WorkerOrder | None = None
        self._exits_with = exits_with
        self._hangs = hangs
        self._control = control.dup()
        self._code: asyncio.Future[int] = loop.create_future()
        self._stop_asked = asyncio.Event()
        self._drain_s = 0.0
        self._task = loop.create_task(self._run())

    @property
    def is_spare(self) -> bool:
        """Whether it waits for its order."""
        return self.order is None

    @property
    def has_ended(self) -> bool:
        """Whether it has an exit code."""
        return self._code.done()

    @property
    def is_serving(self) -> bool:
        """Whether its server has started and not ended."""
        return not self.has_ended and self.server is not None and self.server.running

    @property
    def ends(self) -> bool:
        """Whether its server is gone, or takes nobody new and ends with those that it has."""
        running = self.running._running
        return running is None or running.relay.draining

    @property
    def running(self) -> RtspServer:
        """Its server, which must have been made."""
        assert self.server is not None
        return self.server

    @property
    def part(self) -> Worker:
        """Its part among the workers, which must have been made."""
        assert self.worker is not None
        return self.worker

    async def wait(self) -> int:
        return await asyncio.shield(self._code)

    def kill(self) -> None:
        if self._code.done():
            return
        if self.server is not None and self.server.running:
            die(self.part)
        self._end(KILLED)

    def freeze(self) -> None:
        """Say nothing more, as a process that was stopped: what was told to it waits."""
        assert self.part._channel is not None
        self.part._channel.send = lambda *_: None  # type: ignore[method-assign]

    async def aclose(self) -> None:
        """Free what a process that ends leaves to the system."""
        self.kill()
        # A spare waits in a thread for words that will not come.
        self._control.shutdown(socket.SHUT_RDWR)
        await self._task
        if self.server is not None:
            await self.server.stop(0.0)
        self._control.close()

    async def _run(self) -> None:
        try:
            order = await asyncio.to_thread(first_message, self._control)
        except (EOFError, OSError):
            self._end(0)
            return
        assert isinstance(order, WorkerOrder)
        self.order = order
        if self._exits_with is not None:
            self._end(self._exits_with)
        if self._hangs or self.has_ended:
            return
        server = self.server = RtspServer()
        self.worker = Worker(server, order.settings, order.place, self._control.dup(), order.added)
        self.worker.asked_to_stop = self._stop
        await server.start()
        await self._stop_asked.wait()
        if not self._code.done():
            await server.stop(self._drain_s)
            self._end(0)

    def _stop(self, drain_s: float) -> None:
        self._drain_s = drain_s
        self._stop_asked.set()

    def _end(self, code: int) -> None:
        if not self._code.done():
            self._code.set_result(code)
        self._stop_asked.set()

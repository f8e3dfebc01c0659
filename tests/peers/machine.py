"""Workers of one machine in one process: real servers, real sockets between them, no supervisor.

Each has a port of its own, so that a test says where its peers land.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from inside import Inside, inside
from own_ports import own_port
from server_rig import stop_and_look

from headwater import RtspServer
from headwater.app.workers.worker import Worker, WorkerPlace
from headwater.cluster.bus.receiving import BusPublisher
from headwater.cluster.channel import Channel
from headwater.cluster.directory import Directory
from headwater.cluster.node.node_member import NodeMember
from headwater.cluster.pulls import Pulls
from headwater.config.settings import Settings
from headwater.media.mount import Mount

DEADLINE_S = 10.0


class Machine:
    """A directory, and the workers that speak with it."""

    def __init__(self, settings: Settings, workers: int) -> None:
        loop = asyncio.get_running_loop()
        self.directory = Directory(loop.time, hot_readers=settings.workers.hot_readers)
        self.settings = settings
        self.count = workers
        self.workers: list[Worker] = []
        self.channels: list[Channel] = []
        self.holds: tuple[type, ...] = ()
        """Messages of workers that do not reach the directory until `let_through`."""
        self.held: list[tuple[str, Any, socket.socket | None]] = []

    async def start(self) -> None:
        for number in range(self.count):
            await self.start_worker(number)

    async def start_worker(self, number: int) -> Worker:
        own, other = socket.socketpair()
        place = WorkerPlace(number, self.count, bytes(32))
        loop: Any = asyncio.get_running_loop()
        name = place.name
        channel = Channel(
            own,
            loop,
            lambda message, sock: self._receive(name, message, sock),
            lambda: self._gone(name),
        )
        self.directory.join(name, channel.send)
        worker = Worker(RtspServer(), self.settings, place, other)
        # All workers are one process here, whose work is no measure of theirs.
        worker._busy_share = lambda: 0.0  # type: ignore[method-assign]
        self.channels[number:] = [channel]
        self.workers[number:] = [worker]
        await worker.server.start()
        return worker

    def let_through(self) -> None:
        """Pass on what was held back, in order, and hold back nothing more."""
        held, self.held, self.holds = self.held, [], ()
        for name, message, sock in held:
            self.directory.receive(name, message, sock)

    def inside(self, number: int) -> Inside:
        return inside(self.workers[number].server)

    def mount(self, number: int) -> Mount:
        """The mount of the tests at a worker, which must be there."""
        mount = self.inside(number).mounts.get("/cam")
        assert mount is not None
        return mount

    def pulls(self, number: int) -> Pulls:
        member = self.workers[number].member
        assert member is not None
        return member.bus

    def url(self, number: int, path: str = "/cam") -> str:
        return self.workers[number].server.play_url(path)

    def port(self, number: int) -> int:
        return self.workers[number].server.publish_port

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something has come true."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110 - what several servers do has no one event
                await asyncio.sleep(0.005)

    def die(self, number: int) -> None:
        """Let a worker end as a killed process does."""
        worker = self.workers[number]
        die(worker)
        self.channels[number].close()
        self._gone(worker.place.name)

    async def stop(self) -> None:
        for worker in self.workers:
            await stop_and_look(worker.server)
        for channel in self.channels:
            channel.close()

    def _receive(self, name: str, message: Any, sock: socket.socket | None) -> None:
        if isinstance(message, self.holds):
            self.held.append((name, message, sock))
        else:
            self.directory.receive(name, message, sock)

    def _gone(self, name: str) -> None:
        self.directory.leave(name)


def die(worker: Worker) -> None:
    """Close all sockets of a worker at once; nothing is said to anybody."""
    running = inside(worker.server).running
    running.rtsp.listeners.close()
    if running.web is not None:
        running.web.door.close()
    for connection in running.rtsp.connections:
        connection.stream.abort()
    member = worker.member
    assert member is not None
    for reader in tuple(member._sending):
        reader._stream.abort()
    for publisher in tuple(member.bus._open):
        assert isinstance(publisher, BusPublisher)
        publisher._stream.abort()
    assert worker._channel is not None
    worker._channel.close()
    if isinstance(member, NodeMember) and running.node is not None:
        for task in running.node._tasks:
            task.cancel()
        # What it would ask from now on, nobody answers.
        member._registry.give_up()
        for pulled in tuple(running.node.space.pulling._open):
            pulled.end("dead")
        running.sources.close()


@asynccontextmanager
async def machine(
    workers: int = 2, settings: Settings | None = None, *, hot_readers: int = 0
) -> AsyncIterator[Machine]:
    """Workers that run; with `hot_readers` 0 nothing is passed on, every reader is served."""
    base = settings or Settings()
    base = replace(
        base,
        server=replace(base.server, host="127.0.0.1", publish_port=0),
        # On a busy machine a test takes its time between two packets.
        mounts=replace(base.mounts, publisher_idle_timeout_s=0.0),
        rtp=replace(base.rtp, rtp_port_start=own_port(0), rtp_port_count=800),
        workers=replace(base.workers, count=workers, hot_readers=hot_readers),
    )
    made = Machine(base, workers)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()

"""Machines of a cluster, each a supervisor with two workers: all on the loop of the test.

The registry, the sockets and the channels between supervisors and workers are real.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fleet_rig import Rig, settings_of
from inside import Inside, inside
from own_ports import own_port
from redis_server import RedisServer
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader
from worker_here import WorkerHere

from headwater.cluster.node.cluster_node import ClusterNode
from headwater.cluster.node.node_member import NodeMember
from headwater.cluster.node.settings import ClusterSettings
from headwater.cluster.registry.records import Lease, NodeRecord
from headwater.cluster.registry.redis_registry import RedisRegistry
from headwater.cluster.registry.server_url import ServerUrl
from headwater.config.settings import Settings
from headwater.media.mount import Mount

DEADLINE_S = 60.0
PATH = "/cam"
_NAMES = "abc"
_UDP_PORTS = 120
_TRIES = 64


class Machine:
    """A node: its supervisor, and its workers by their number."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.fleet = rig.fleets[0]

    @property
    def port(self) -> int:
        return self.fleet.ports.publish

    def url(self, path: str = PATH) -> str:
        return self.fleet.ports.play_url(path)

    @property
    def workers(self) -> list[WorkerHere]:
        return [each for each in self.rig.workers if each.is_serving]

    def inside(self, number: int) -> Inside:
        return inside(self.rig.workers[number].running)

    def node(self, number: int) -> ClusterNode:
        """The node as a worker has it."""
        node = self.inside(number).running.node
        assert node is not None
        return node

    def member(self, number: int) -> NodeMember:
        member = self.rig.workers[number].part.member
        assert isinstance(member, NodeMember)
        return member

    def fetcher(self, path: str = PATH) -> int:
        """The worker that takes a path from other nodes."""
        place = self.rig.workers[0].part.place
        return int(place.fetcher_of(path).removeprefix("worker-")) - 1

    async def fleet_knows(self, path: str = PATH) -> None:
        """Wait until the supervisor knows who fills a path."""
        await self.rig.until(lambda: self.fleet._directory.leases.find(path))

    @property
    def is_calm(self) -> bool:
        """Whether each worker has told its supervisor last that it does nothing."""
        names = [worker.part.place.name for worker in self.workers]
        return not any(map(self.fleet._directory.busy_share_of, names))

    def mounts(self, path: str = PATH) -> list[Mount | None]:
        """The mount of a path at each worker."""
        return [inside(each.running).mounts.get(path) for each in self.workers]

    def owner(self, path: str = PATH) -> int:
        """The worker that has the publisher of a path."""
        (owner,) = (
            number
            for number, mount in enumerate(self.mounts(path))
            if mount is not None
            and mount.publisher is not None
            and not self.member(number).pulls(path)
        )
        return owner

    async def reader_at(self, number: int, path: str = PATH) -> TcpReader:
        """A reader at a certain worker."""
        peer = await self.peer_at(number)
        return await TcpReader.start(self.port, self.url(path), peer=peer)

    async def publisher_at(self, number: int, path: str = PATH) -> TcpPublisher:
        """A publisher at a certain worker."""
        peer = await self.peer_at(number)
        return await TcpPublisher.start(self.port, self.url(path), peer=peer)

    async def peer_at(self, number: int) -> RtspPeer:
        """A connection that the kernel has given to a certain worker."""
        for _ in range(_TRIES):
            peer = await RtspPeer.connect(self.port)
            # Once this is answered, a worker has it.
            assert (await peer.ask("OPTIONS", self.url())).status == 200
            if any(each.peer_port == peer.local_port for each in self.inside(number).connections):
                return peer
            await peer.close()
        raise AssertionError(f"{_TRIES} connections in a row went to other workers")

    async def die(self) -> None:
        """End supervisor and workers as killed processes do: nothing is said to anybody."""
        for task in self.fleet._keepers:
            task.cancel()
        for worker in self.workers:
            worker.kill()
        await self.lose_supervisor()

    async def lose_supervisor(self) -> None:
        """End the supervisor as a killed process does."""
        fleet, registry = self.fleet, self.fleet._registry
        assert registry is not None
        assert registry._listening is not None
        registry._listening.cancel()
        for task in fleet._keepers:
            task.cancel()
        # Nobody is left who could release what the workers held.
        fleet._registry = None
        await registry._registry.close()
        for each in fleet._workers.values():
            each.channel.close()

    async def status(self, method: str = "DESCRIBE", path: str = PATH) -> int:
        """What it answers to a request."""
        peer = await RtspPeer.connect(self.port)
        answer = await peer.ask(method, self.url(path))
        await peer.close()
        return answer.status


class Machines:
    """Some machines, `a`, `b`, …, and the registry that joins them."""

    def __init__(self, server: RedisServer, settings: Settings, **chosen: Any) -> None:
        self.server = server
        self.all: list[Machine] = []
        self.registry = RedisRegistry(ServerUrl.of(server.url), "headwater")
        self._settings = settings
        self._chosen = chosen

    def __getitem__(self, number: int) -> Machine:
        return self.all[number]

    async def start_one(self) -> Machine:
        number = len(self.all)
        base = self._settings
        cluster = ClusterSettings(
            **{
                "url": self.server.url,
                "node": _NAMES[number],
                "node_password": "of all nodes",
                **self._chosen,
            }
        )
        rig = Rig()
        first = own_port(500 + number * _UDP_PORTS)
        await rig.started(
            replace(
                base,
                cluster=cluster,
                rtp=replace(base.rtp, rtp_port_start=first, rtp_port_count=_UDP_PORTS),
                mounts=replace(base.mounts, grace_s=DEADLINE_S),
            )
        )
        machine = Machine(rig)
        self.all.append(machine)
        return machine

    async def lease(self, path: str = PATH) -> Lease | None:
        return (await self.registry.look_up([path]))[path]

    async def record(self, name: str) -> NodeRecord | None:
        return {node.name: node for node in await self.registry.nodes()}.get(name)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something has come true."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110 - what several servers do has no one event
                await asyncio.sleep(0.005)

    async def until_told(self, condition: Callable[[], Awaitable[object]]) -> None:
        """Wait until the registry says so."""
        async with asyncio.timeout(DEADLINE_S):
            while not await condition():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)

    async def until_known(self) -> None:
        """Have every worker know of all machines."""
        for machine in self.all:
            for number in range(len(machine.rig.workers)):
                machine.node(number)._hurry.set()
        await self.until(
            lambda: all(
                len(machine.node(number).all) == len(self.all)
                for machine in self.all
                for number in range(len(machine.rig.workers))
            )
        )

    async def stop(self) -> None:
        RtspPeer.forget_all()
        for machine in self.all:
            await machine.rig.aclose()
        await self.registry.close()


@asynccontextmanager
async def machines(
    server: RedisServer, count: int = 2, settings: Settings | None = None, **chosen: Any
) -> AsyncIterator[Machines]:
    """Run some machines; `chosen` are settings of the cluster."""
    running = Machines(server, settings or settings_of(), **chosen)
    try:
        for _ in range(count):
            await running.start_one()
        await running.until_known()
        yield running
    finally:
        await running.stop()

"""Nodes of a cluster in one process: real servers, a real registry, real sockets between them.

Leases are as long as ever, unless a test waits for one to end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from inside import Inside, inside
from own_ports import own_port
from redis_server import RedisServer
from rtsp_peer import RtspPeer
from server_rig import stop_and_look

from headwater import RtspServer
from headwater.cluster.node.cluster_node import ClusterNode
from headwater.cluster.node.endings import until_ended
from headwater.cluster.node.settings import ClusterSettings
from headwater.cluster.pulls import Pulls
from headwater.config.settings import Settings
from headwater.media.mount import Mount

DEADLINE_S = 60.0
SHORT_LEASE_S = 3.0
"""For tests in which leases end. A beat may be two seconds late."""
PASSWORD = "of all nodes"
_UDP_PORTS = 60
_NAMES = "abcdef"


class Cluster:
    """Some nodes, `a`, `b`, …, and the registry that joins them."""

    def __init__(self, registry: RedisServer, settings: Settings, **chosen: Any) -> None:
        self.registry = registry
        self.settings = settings
        self.chosen = chosen
        self.servers: list[RtspServer] = []

    async def start_node(self, *, port: int = 0, **chosen: Any) -> RtspServer:
        """Start another one, whose settings may differ."""
        number = len(self.servers)
        server = self._make(number, chosen, port)
        self.servers.append(server)
        await server.start()
        return server

    async def restart_node(self, number: int) -> None:
        """Start one again that was stopped, or has died."""
        self.servers[number] = self._make(number, {})
        await self.servers[number].start()

    def _make(self, number: int, chosen: dict[str, Any], port: int = 0) -> RtspServer:
        cluster = ClusterSettings(
            **{
                "url": self.registry.url,
                "node": _NAMES[number],
                "node_password": PASSWORD,
                **self.chosen,
                **chosen,
            }
        )
        # On a slow machine a peer says nothing for long, and a publisher takes long to return.
        mounts = replace(self.settings.mounts, publisher_idle_timeout_s=0.0, grace_s=DEADLINE_S)
        first = own_port(500 + number * _UDP_PORTS)
        return RtspServer(
            host="127.0.0.1",
            publish_port=port,
            rtp_port_start=first,
            rtp_port_count=_UDP_PORTS,
            settings=replace(self.settings, cluster=cluster, mounts=mounts),
        )

    def inside(self, number: int) -> Inside:
        return inside(self.servers[number])

    def node(self, number: int) -> ClusterNode:
        node = self.inside(number).running.node
        assert node is not None
        return node

    def pulls(self, number: int) -> Pulls:
        return self.node(number).space.pulling

    def mount(self, number: int, path: str = "/cam") -> Mount:
        """The mount of the tests at a node, which must be there."""
        mount = self.inside(number).mounts.get(path)
        assert mount is not None
        return mount

    def port(self, number: int) -> int:
        return self.servers[number].publish_port

    def url(self, number: int, path: str = "/cam") -> str:
        return self.servers[number].play_url(path)

    async def status(self, number: int, method: str = "DESCRIBE", path: str = "/cam") -> int:
        """What a node answers to a request."""
        peer = await RtspPeer.connect(self.port(number))
        answer = await peer.ask(method, self.url(number, path))
        await peer.close()
        return answer.status

    async def until_free(self, number: int, path: str = "/cam") -> None:
        """Wait until nobody has a path, as a node is told by the registry."""
        registry = self.node(number)._registry
        async with asyncio.timeout(DEADLINE_S):
            while (await registry.look_up([path]))[path] is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something has come true."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110 - what several servers do has no one event
                await asyncio.sleep(0.005)

    async def die(self, number: int) -> None:
        """Let a node end as a killed process does: its sockets close, nothing is said."""
        running = self.inside(number).running
        node = self.node(number)
        await until_ended(lambda: [task for task in node._tasks if not task.done()], 0.0)
        await node._registry.close()
        running.rtsp.listeners.close()
        for connection in running.rtsp.connections:
            connection.stream.abort()
        for pulled in tuple(node.space.pulling._open):
            pulled.end("dead")

    async def stop(self) -> None:
        for server in self.servers:
            await stop_and_look(server)


@asynccontextmanager
async def cluster(
    registry: RedisServer, nodes: int = 2, settings: Settings | None = None, **chosen: Any
) -> AsyncIterator[Cluster]:
    """Run some nodes; `chosen` are settings of the cluster."""
    running = Cluster(registry, settings or Settings(), **chosen)
    try:
        for _ in range(nodes):
            await running.start_node()
        for number in range(nodes):
            running.node(number)._hurry.set()  # the others have come since its first beat
        for number in range(nodes):
            await running.until(lambda number=number: len(running.node(number).all) == nodes)  # type: ignore[misc]
        yield running
    finally:
        await running.stop()
        RtspPeer.forget_all()

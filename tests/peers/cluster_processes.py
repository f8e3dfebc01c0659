"""Nodes of a cluster as processes, `headwater serve` each, joined by a real registry.

What happens to processes alone is tried with them: an end without a word, and standing still.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from own_ports import own_port
from redis_server import RedisServer
from rtsp_peer import RtspPeer

from headwater.cluster.leases import Tenure
from headwater.cluster.registry.records import Lease
from headwater.cluster.registry.redis_registry import RedisRegistry
from headwater.cluster.registry.server_url import ServerUrl

LEASE_S = 5.0
DEADLINE_S = 180.0
_FIRST_PORT = 300
_FIRST_HTTP_PORT = 310
_UDP_PORTS = 20


class NodeProcess:
    """One `headwater serve`, with a port for browsers where that is wanted."""

    def __init__(
        self,
        number: int,
        registry: RedisServer,
        folder: Path,
        udp_ports: range,
        *options: str,
        browsers: bool = False,
    ) -> None:
        self.name = f"n{number}"
        self.port = own_port(_FIRST_PORT + number)
        self.http_port = own_port(_FIRST_HTTP_PORT + number)
        self._log_path = folder / f"{self.name}.log"
        settings = {
            "control.status_socket": "",
            "rtp.rtp_port_start": udp_ports.start,
            "rtp.rtp_port_count": len(udp_ports),
            "cluster.url": registry.url,
            "cluster.node": self.name,
            "cluster.node_password": "of all nodes",
            "cluster.advertise_url": f"rtsp://127.0.0.1:{self.port}",
            "cluster.lease_s": LEASE_S,
            # On a slow machine a publisher takes long to come back, and says nothing for long.
            "mounts.grace_s": DEADLINE_S,
            "mounts.publisher_idle_timeout_s": 0,
        }
        if browsers:
            settings |= {"http.port": self.http_port, "webrtc.port": 0, "api.sources_file": ""}
        self._options = [
            *("--host", "127.0.0.1", "--publish-port", str(self.port)),
            *(word for key, value in settings.items() for word in ("--set", f"{key}={value}")),
            *options,
        ]
        self._process: asyncio.subprocess.Process | None = None

    def url(self, path: str) -> str:
        """Where to publish or play a path at this node."""
        return f"rtsp://127.0.0.1:{self.port}{path}"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """What it wrote so far."""
        return self._log_path.read_text(errors="replace")

    async def start(self) -> None:
        """Start it; whether it has joined is to be asked of the registry."""
        with self._log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "headwater", "serve", *self._options),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def announced(self, path: str) -> int:
        """What a publisher of a path is answered; it leaves at once."""
        peer = await RtspPeer.connect(self.port)
        answer = await peer.announce(self.url(path))
        if answer.status == 200:
            # And the path is free again with the answer to this.
            session = {"Session": answer.session}
            assert (await peer.ask("TEARDOWN", self.url(path), session)).status == 200
        await peer.close()
        return answer.status

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def ended(self) -> int:
        """Wait for its end; returns the exit code."""
        assert self._process is not None
        async with asyncio.timeout(DEADLINE_S):
            return await self._process.wait()

    async def kill(self) -> None:
        """End it without a word."""
        if self._process is not None and self._process.returncode is None:
            self.signal(signal.SIGKILL)
            await self._process.wait()


class ClusterProcesses:
    """Some nodes, and the registry as they see it; each has its part of the UDP ports."""

    def __init__(
        self,
        server: RedisServer,
        folder: Path,
        *options: str,
        nodes: int,
        udp_ports: range,
        browsers: bool = False,
    ) -> None:
        self.server = server
        each = len(udp_ports) // nodes
        parts = [udp_ports[number * each : (number + 1) * each] for number in range(nodes)]
        self.nodes = [
            NodeProcess(number, server, folder, part, *options, browsers=browsers)
            for number, part in enumerate(parts)
        ]
        self._registry = RedisRegistry(ServerUrl.of(server.url), "headwater")

    async def until(self, condition: Callable[[], Awaitable[object]]) -> None:
        """Wait until something has come true, which nothing tells of."""
        async with asyncio.timeout(DEADLINE_S):
            while not await condition():  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.05)

    async def until_joined(self, *names: str) -> None:
        """Wait until the registry has these nodes, and no others."""

        async def joined() -> bool:
            return {node.name for node in await self._registry.nodes()} == set(names)

        await self.until(joined)

    async def lease(self, path: str) -> Lease | None:
        """Who has a path."""
        return (await self._registry.look_up([path]))[path]

    async def leases(self) -> list[Lease]:
        """Who has which paths."""
        return [lease async for lease in self._registry.leases()]

    async def until_filled(self, path: str, holder: str) -> Tenure:
        """Wait until a node has a path, and it is filled; returns the claim."""
        found: list[Tenure] = []

        async def filled() -> bool:
            lease = await self.lease(path)
            found[:] = [] if lease is None else [lease.tenure]
            return lease is not None and lease.ready and lease.tenure.holder == holder

        await self.until(filled)
        return found[0]

    async def close(self) -> None:
        for node in self.nodes:
            await node.kill()
        await self._registry.close()


@asynccontextmanager
async def cluster_processes(
    server: RedisServer, folder: Path, *options: str, browsers: bool = False
) -> AsyncIterator[ClusterProcesses]:
    """Run three nodes that know each other."""
    first = own_port(_FIRST_PORT + 20)
    ports = range(first, first + 3 * _UDP_PORTS)
    cluster = ClusterProcesses(
        server, folder, *options, nodes=3, udp_ports=ports, browsers=browsers
    )
    try:
        for node in cluster.nodes:
            await node.start()
        await cluster.until_joined(*(node.name for node in cluster.nodes))
        yield cluster
    finally:
        await cluster.close()
        RtspPeer.forget_all()

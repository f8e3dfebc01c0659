"""Peers that come and go at the nodes of a cluster, of which some are killed."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from pathlib import Path
from typing import Any

from cluster_processes import LEASE_S, ClusterProcesses, NodeProcess
from own_ports import own_port
from redis_server import RedisServer
from rtsp_peer import SDP_VIDEO, RtspPeer

from soak.churn import Churn

_LINGER_S = 5.0
_BACK_AFTER_S = 2.0
_LEASES_GONE_S = 45.0
_FIRST_UDP_PORT = 320
_CLAIMS = 24
_UDP_PORTS = 560
"""Of all nodes but the watched one together."""
_OWN_NAME = "watched"


class ChurnOfNodes(Churn):
    """Each life at a node that chance picks: the watched server, which stays, or one that dies.

    Each node has as many workers as the watched server.

    Attributes:
        killed: how often a node was killed.
    """

    def __init__(
        self,
        peers: int,
        *,
        nodes: int,
        kill_every_s: float,
        seed: int,
        out: Path,
        workers: int = 1,
    ) -> None:
        super().__init__(peers, seed=seed)
        self.killed = 0
        self._count = nodes
        self._workers = workers
        self._kill_every_s = kill_every_s
        self._chance = random.Random(seed)
        self._out = out
        self._watched_port = 0
        self._one_is_away = False
        self._registry = RedisServer()
        self._cluster: ClusterProcesses | None = None
        self._alive: list[NodeProcess] = []

    @property
    def _port(self) -> int:
        return self._chance.choice([self._watched_port, *(node.port for node in self._alive)])

    @_port.setter
    def _port(self, port: int) -> None:
        self._watched_port = port

    async def settings(self) -> dict[str, dict[str, Any]]:
        """Start the registry that joins the nodes."""
        await self._registry.start()
        cluster = {
            "url": self._registry.url,
            "node": _OWN_NAME,
            "node_password": "of all nodes",
            "lease_s": LEASE_S,
            "linger_s": _LINGER_S,
        }
        return await super().settings() | {"cluster": cluster}

    async def begin(self, port: int) -> None:
        """Start the other nodes, and learn where all are."""
        await super().begin(port)
        first = own_port(_FIRST_UDP_PORT)
        self._cluster = ClusterProcesses(
            self._registry,
            self._out,
            *("--set", f"cluster.linger_s={_LINGER_S}", "--workers", str(self._workers)),
            nodes=self._count - 1,
            udp_ports=range(first, first + _UDP_PORTS),
        )
        for node in self._cluster.nodes:
            await node.start()
        await self._all_joined()
        # Claims at the same time open all the connections to the registry that are ever kept.
        await asyncio.gather(*(self._claim(f"/first/{number}") for number in range(_CLAIMS)))

    async def run(self) -> None:
        """Keep so many peers alive at a time, and kill a node now and then."""
        async with asyncio.TaskGroup() as group:
            group.create_task(super().run())
            if self._kill_every_s:
                group.create_task(self._kill_on())

    async def calm(self) -> None:
        """Wait until the registry has no lease but that of the steady stream."""
        until_s = time.monotonic() + _LEASES_GONE_S
        left: set[str] = set()
        while time.monotonic() < until_s:
            left = {lease.tenure.path for lease in await self._required().leases()}
            if left <= {"/steady", "/latency"}:
                return
            await asyncio.sleep(0.5)
        self.failures[f"leases that nobody gave back: {sorted(left)}"] += 1

    async def end(self) -> None:
        """End the other nodes and the registry."""
        await self._required().close()
        await self._registry.kill()
        shutil.rmtree(self._registry.folder)

    async def _claim(self, path: str) -> None:
        peer = await RtspPeer.connect(self._watched_port)
        headers = {"Content-Type": "application/sdp"}
        answer = await peer.ask("ANNOUNCE", self._url(path), headers, SDP_VIDEO)
        assert answer.status == 200, answer
        await peer.close()

    def _note_failure(self, name: str, error: BaseException) -> None:
        """Expect anything also of lives that begin while a node is away: it has its paths still."""
        if self._one_is_away:
            self.lives[f"{name}, met a kill"] += 1
        else:
            super()._note_failure(name, error)

    async def _kill_on(self) -> None:
        while True:
            await asyncio.sleep(self._kill_every_s)
            node = self._chance.choice(self._required().nodes)
            self._alive.remove(node)
            self._one_is_away = True
            self.note_kill()
            await node.kill()
            self.killed += 1
            await asyncio.sleep(_BACK_AFTER_S)
            await node.start()
            await self._all_joined()
            # Its leases have ended by now, and readers of its mounts know.
            await asyncio.sleep(LEASE_S)
            self._one_is_away = False
            self.note_kill()

    async def _all_joined(self) -> None:
        cluster = self._required()
        await cluster.until_joined(_OWN_NAME, *(node.name for node in cluster.nodes))
        self._alive = list(cluster.nodes)

    def _required(self) -> ClusterProcesses:
        assert self._cluster is not None
        return self._cluster

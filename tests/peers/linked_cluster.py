"""Three nodes, their registry, a camera and those who watch it: each at a place of a network.

The camera is a source of the nodes, so one of them fetches it for all.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import camera_program
from link_readers import LinkReader, Program
from network_places import NetworkPlaces, ended
from redis.asyncio import Redis
from redis.exceptions import RedisError
from redis_server import PROGRAM

from headwater.cluster.leases import Tenure
from headwater.cluster.registry.redis_registry import RedisRegistry
from headwater.cluster.registry.server_url import ServerUrl

NODES = ("n0", "n1", "n2")
REGISTRY = "registry"
CAMERA = "camera"
VIEWERS = "viewers"
PATH = "/cam"
DEADLINE_S = 60.0
_PORT = 8554
_REGISTRY_PORT = 6379


class LinkedCluster:
    """It plays from `start` on. `grace_s` is how long readers wait for what they watch.

    Attributes:
        places: where everybody is.
        holder: the node that fetched the camera at the start.
        edge, third: the others.
    """

    def __init__(self, grace_s: float) -> None:
        self.places = NetworkPlaces(REGISTRY, *NODES, CAMERA, VIEWERS)
        self.holder = self.edge = self.third = ""
        self._grace_s = grace_s
        self._folder = Path(tempfile.mkdtemp(prefix="links-"))
        self._socket = self._folder / "redis"
        self._registry = RedisRegistry(ServerUrl.of(f"unix://{self._socket}"), "headwater")
        self._nodes: dict[str, Process] = {}
        self._readers: list[LinkReader] = []

    async def start(self) -> None:
        """Start everything, and wait until the camera's pictures are there to be played."""
        await self.places.start()
        await self.places.program(
            *(REGISTRY, PROGRAM, "--port", str(_REGISTRY_PORT), "--bind", "0.0.0.0"),
            *("--protected-mode", "no", "--unixsocket", str(self._socket)),
            *("--save", "", "--appendonly", "no", "--dir", str(self._folder)),
        )
        await self.until(self._registry_answers)
        program = camera_program.__file__
        camera = await self.places.program(
            CAMERA, sys.executable, program, str(_PORT), stdout=PIPE, stderr=self._log("camera")
        )
        assert camera.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            assert await camera.stdout.readline() == b"\n"
        settings = self._folder / "headwater.toml"
        source = f"rtsp://{self.places.address(CAMERA)}:{_PORT}{camera_program.PATH}"
        settings.write_text(f'[paths."{PATH[1:]}"]\nsource = "{source}"\ntransport = "tcp"\n')
        for name in NODES:
            await self._start_node(name, settings)
        await self.until_joined(NODES)
        self.holder = (await self.until_filled(NODES)).holder
        self.edge, self.third = (name for name in NODES if name != self.holder)

    def reader(self, program: Program, node: str) -> LinkReader:
        """Let somebody watch the camera at a node, and at another one where that ends."""
        others = [name for name in (self.edge, self.third, self.holder) if name != node]
        urls = [f"rtsp://{self.places.address(name)}:{_PORT}{PATH}" for name in (node, *others)]
        log = self._log(f"{program.value}-{len(self._readers)}")
        log.touch()
        reader = LinkReader(program, self.places, VIEWERS, urls, log)
        self._readers.append(reader)
        return reader

    def signal(self, node: str, number: signal.Signals) -> None:
        """Send a signal to a node."""
        self._nodes[node].send_signal(number)

    def log(self, node: str) -> str:
        """What a node wrote."""
        return self._log(node).read_text(errors="replace")

    async def until(self, condition: Callable[[], Awaitable[object]]) -> None:
        """Wait until something has come true, which nothing tells of."""
        async with asyncio.timeout(DEADLINE_S):
            while not await condition():  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.05)

    async def until_logged(self, node: str, words: str) -> None:
        """Wait until a node has written this."""

        async def logged() -> bool:
            return words in self.log(node)

        await self.until(logged)

    async def until_joined(self, names: Sequence[str]) -> None:
        """Wait until the registry has these nodes, and no others."""

        async def joined() -> bool:
            return {node.name for node in await self._registry.nodes()} == set(names)

        await self.until(joined)

    async def tenure(self) -> Tenure | None:
        """Who has the camera, by which claim."""
        lease = (await self._registry.look_up([PATH]))[PATH]
        return None if lease is None or not lease.ready else lease.tenure

    async def until_renewed(self) -> None:
        """Wait until the camera's node has just renewed its lease, which is the longest."""
        client = Redis(unix_socket_path=str(self._socket))
        key = self._registry._lease_key(PATH)
        left_ms = await client.pttl(key)

        async def renewed() -> bool:
            nonlocal left_ms
            before_ms, left_ms = left_ms, await client.pttl(key)
            return bool(left_ms > before_ms)

        await self.until(renewed)
        await client.aclose()

    async def until_filled(self, names: Sequence[str]) -> Tenure:
        """Wait until one of these nodes has the camera, and it plays; returns the claim."""
        found: list[Tenure] = []

        async def filled() -> bool:
            tenure = await self.tenure()
            found[:] = [] if tenure is None else [tenure]
            return tenure is not None and tenure.holder in names

        await self.until(filled)
        return found[0]

    async def close(self) -> None:
        for reader in self._readers:
            await reader.close()
        for node in self._nodes.values():
            await ended(node)
        await self._registry.close()
        await self.places.close()
        shutil.rmtree(self._folder)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    async def _start_node(self, name: str, settings: Path) -> None:
        address = self.places.address(name)
        options = {
            "control.status_socket": "",
            "cluster.url": f"redis://{self.places.address(REGISTRY)}:{_REGISTRY_PORT}",
            "cluster.node": name,
            "cluster.node_password": "of all nodes",
            "cluster.advertise_url": f"rtsp://{address}:{_PORT}",
            "mounts.grace_s": self._grace_s,
        }
        words = (word for key, value in options.items() for word in ("--set", f"{key}={value}"))
        self._nodes[name] = await self.places.program(
            *(name, sys.executable, "-m", "headwater", "serve", "--config", str(settings)),
            *("--host", "0.0.0.0", "--publish-port", str(_PORT), *words),
            stderr=self._log(name),
        )

    async def _registry_answers(self) -> bool:
        client = Redis(unix_socket_path=str(self._socket))
        try:
            return bool(await client.ping())
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()


@asynccontextmanager
async def linked_cluster(grace_s: float) -> AsyncIterator[LinkedCluster]:
    """Run one."""
    cluster = LinkedCluster(grace_s)
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.close()

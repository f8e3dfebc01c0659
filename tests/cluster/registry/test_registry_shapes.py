"""The registry on what operators have: TLS, a unix socket, Redis Cluster, Sentinel."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from certificate_files import CertificateMaker
from own_ports import own_port
from redis.asyncio import Redis
from redis_server import PROGRAM, RedisServer
from short_folder import short_folder

from headwater.cluster.leases import Tenure
from headwater.cluster.registry.records import Ask, Change, How, News, NodeRecord, Refused
from headwater.cluster.registry.redis_registry import RedisRegistry
from headwater.cluster.registry.registry import RegistryGone
from headwater.cluster.registry.server_url import ServerUrl

__all__ = ["short_folder"]

A = NodeRecord(name="a", life="1", url="rtsp://a:8554", public_url="")
B = replace(A, name="b", url="rtsp://b:8554")
PATHS = [f"/cam{number}" for number in range(20)]
DEADLINE_S = 60.0


@asynccontextmanager
async def started(number: int, *options: str) -> AsyncIterator[RedisServer]:
    server = RedisServer(number, *options)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()
        shutil.rmtree(server.folder)


async def do_everything(registry: RedisRegistry) -> None:
    """All that nodes ask of a registry."""
    heard: asyncio.Queue[News] = asyncio.Queue()
    begun = asyncio.Event()
    listening = asyncio.create_task(registry.listen(heard.put_nowait, begun.set))
    try:
        async with asyncio.timeout(DEADLINE_S):
            await begun.wait()
            await registry.join(A)
            await registry.join(B)
            granted = await registry.claim(A, [Ask(path, How.FREE) for path in PATHS])
            tenures = [each for each in granted if isinstance(each, Tenure)]
            assert [each.path for each in tenures] == PATHS
            refused = await registry.claim(B, [Ask(path, How.FREE) for path in PATHS])
            assert refused == [Refused("a", each.epoch) for each in tenures]
            assert await registry.mark_ready(tenures[0])
            found = await registry.look_up(PATHS)
            assert [lease.tenure for lease in found.values() if lease is not None] == tenures
            answer = await registry.beat(A, tenures)
            assert (answer.replaced, answer.lost, answer.missing) == (False, (), ())
            assert [node.name for node in answer.nodes] == ["a", "b"]
            assert {each.tenure async for each in registry.leases()} == set(tenures)
            assert await registry.order_drain("b", drain=True)
            assert (await registry.beat(B, [])).drain
            assert await registry.release(tenures[0])
            changes: list[Change] = []
            while Change.DOWN not in changes:
                changes.append((await heard.get()).change)
            assert changes.count(Change.UP) == len(PATHS)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_under_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maker = CertificateMaker(tmp_path)
    files = maker.issue("registry")
    port = own_port(970)
    monkeypatch.setenv("SSL_CERT_FILE", maker.ca.certificate)
    async with started(
        40,
        *("--tls-port", str(port), "--tls-cert-file", files.certificate),
        *("--tls-key-file", files.key, "--tls-ca-cert-file", maker.ca.certificate),
        *("--tls-auth-clients", "no"),
    ):
        registry = RedisRegistry(ServerUrl.of(f"rediss://127.0.0.1:{port}"), "test", ttl_s=600.0)
        await do_everything(registry)
        await registry.close()
        # A server whose certificate nobody vouches for is none.
        monkeypatch.delenv("SSL_CERT_FILE")
        stranger = RedisRegistry(ServerUrl.of(f"rediss://127.0.0.1:{port}"), "test")
        with pytest.raises(RegistryGone, match="certificate"):
            await stranger.look_up(PATHS)
        await stranger.close()


async def test_by_a_unix_socket(short_folder: Path) -> None:
    path = short_folder / "redis.sock"
    async with started(41, "--unixsocket", str(path)):
        registry = RedisRegistry(ServerUrl.of(f"unix://{path}"), "test", ttl_s=600.0)
        await do_everything(registry)
        await registry.close()


@asynccontextmanager
async def redis_cluster() -> AsyncIterator[list[RedisServer]]:
    """Three servers that each have a third of the keys."""
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(
                started(50 + number, "--cluster-enabled", "yes", "--cluster-port", str(bus))
            )
            for number, bus in enumerate(map(own_port, (960, 961, 962)))
        ]
        slots = [0, 5461, 10923, 16384]
        for number, server in enumerate(servers):
            client: Any = server.client()
            first, behind = slots[number : number + 2]
            await client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, behind - 1)
            await client.execute_command(
                "CLUSTER", "MEET", "127.0.0.1", servers[0].port, own_port(960)
            )
            await client.aclose()
        for server in servers:
            await until(server, "CLUSTER INFO", lambda text: "cluster_state:ok" in text)
            await until(server, "CLUSTER SLOTS", lambda text: text.count("127.0.0.1") == 3)
        yield servers


async def until(server: RedisServer, question: str, is_so: Callable[[str], bool]) -> None:
    """Ask a server until it says something."""
    client: Any = server.client()
    async with asyncio.timeout(DEADLINE_S):
        while not is_so(str(await client.execute_command(*question.split()))):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await client.aclose()


async def test_a_redis_cluster() -> None:
    async with redis_cluster() as servers:
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
        registry = RedisRegistry(ServerUrl.of(f"redis+cluster://{hosts}"), "test", ttl_s=600.0)
        await do_everything(registry)
        for server in servers:
            # The paths are spread, and each key is where it belongs.
            client = server.client()
            assert await client.dbsize() > 0
            await client.aclose()
        await registry.close()


async def test_servers_under_sentinel_and_a_replica_that_takes_over(tmp_path: Path) -> None:
    port = own_port(971)
    async with (
        started(43) as master,
        started(44, "--replicaof", f"127.0.0.1 {master.port}") as other,
    ):
        await until(other, "INFO replication", lambda text: "'master_link_status': 'up'" in text)
        config = tmp_path / "sentinel.conf"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\n"
            f"sentinel monitor main 127.0.0.1 {master.port} 1\n"
            "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n"
        )
        sentinel = await asyncio.create_subprocess_exec(
            *(PROGRAM, str(config), "--sentinel"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        url = ServerUrl.of(f"redis+sentinel://127.0.0.1:{port}/main")
        registry = RedisRegistry(url, "test", ttl_s=600.0)
        try:
            await answering(registry)
            await do_everything(registry)
            held = (await registry.look_up([PATHS[1]]))[PATHS[1]]
            assert held is not None
            for server in (master, other):
                await until(server, "DBSIZE", lambda text: int(text) > 20)
            await until_sentinel_knows_the_replica(port)
            await master.kill()
            await until(other, "ROLE", lambda text: "master" in text)
            await answering(registry)
            # What was replicated is still held, and its holder renews it.
            assert (await registry.beat(A, [held.tenure])).lost == ()
            assert await registry.claim(B, [Ask(PATHS[1], How.FREE)]) == [
                Refused("a", held.tenure.epoch)
            ]
        finally:
            await registry.close()
            sentinel.kill()
            await sentinel.wait()


async def answering(registry: RedisRegistry) -> None:
    """Wait until the registry answers, and takes claims."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                await registry.join(A)
            except RegistryGone:
                await asyncio.sleep(0.1)
            else:
                return


async def until_sentinel_knows_the_replica(port: int) -> None:
    client: Any = Redis(host="127.0.0.1", port=port, decode_responses=True)
    async with asyncio.timeout(DEADLINE_S):
        while not await client.execute_command("SENTINEL", "REPLICAS", "main"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await client.aclose()

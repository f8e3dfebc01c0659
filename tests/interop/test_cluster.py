"""Three `headwater serve` and a `redis-server`: nodes that die, stand still or are upgraded."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from cluster_processes import ClusterProcesses, cluster_processes
from ffmpeg_publisher import encoded
from playing_readers import playing
from redis_server import PROGRAM, RedisServer, redis_server
from rtsp_peer import TcpPublisher, TcpReader, frame, rtp

__all__ = ["redis_server"]

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"needs {PROGRAM}"),
]

PUBLISHED = ("-b:v", "200k")


@pytest.fixture
async def cluster(redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[ClusterProcesses]:
    async with cluster_processes(redis_server, tmp_path) as running:
        yield running


async def test_a_publisher_at_one_node_is_played_at_all(cluster: ClusterProcesses) -> None:
    first = cluster.nodes[0]
    async with encoded(first.url("/cam")):
        await cluster.until_filled("/cam", first.name)
        async with playing(*(node.url("/cam") for node in cluster.nodes)) as readers:
            await asyncio.gather(*(reader.plays_on() for reader in readers))


async def test_a_killed_node_frees_its_paths_and_costs_readers_of_others_nothing(
    cluster: ClusterProcesses,
) -> None:
    dies, stays, edge = cluster.nodes
    async with AsyncExitStack() as publishers:
        await publishers.enter_async_context(encoded(dies.url("/one")))
        await publishers.enter_async_context(encoded(stays.url("/two")))
        await cluster.until_filled("/one", dies.name)
        await cluster.until_filled("/two", stays.name)
        async with playing(edge.url("/one"), edge.url("/two")) as (one, two):
            await dies.kill()
            await two.plays_on()

            async def is_free() -> bool:
                return await cluster.nodes[1].announced("/one") == 200

            await cluster.until(is_free)
            await publishers.enter_async_context(encoded(stays.url("/one")))
            await cluster.until_filled("/one", stays.name)
            # The reader has waited, and goes on with the publisher that came back elsewhere.
            await asyncio.gather(one.plays_on(), two.plays_on())
            await cluster.until_joined(stays.name, edge.name)


class Talker:
    """Publishes packets that say who sent them, without end."""

    def __init__(self, publisher: TcpPublisher, letter: bytes) -> None:
        self._publisher = publisher
        self._letter = letter
        self._task = asyncio.create_task(self._talk())

    async def _talk(self) -> None:
        seq = 0
        try:
            while True:
                packet = rtp(seq, payload=b"\x65\x88" + self._letter * 16)
                await self._publisher.peer.send(frame(0, packet))
                seq += 1
                await asyncio.sleep(0.02)
        except ConnectionError:
            return

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def letters_until(reader: TcpReader, last: str, count: int) -> str:
    """Who sent the packets that a reader gets, up to so many of one sender."""
    heard = ""
    while heard.count(last) < count:
        channel, packet = await reader.peer.frame()
        if channel == 0:
            heard += chr(packet[-1])
    return heard


async def test_a_node_that_stood_still_does_not_take_its_path_back(
    cluster: ClusterProcesses,
) -> None:
    frozen, other, edge = cluster.nodes
    early = await TcpPublisher.start(frozen.port, frozen.url("/cam"))
    talks = Talker(early, b"A")
    before = await cluster.until_filled("/cam", frozen.name)
    reader = await TcpReader.start(edge.port, edge.url("/cam"))
    assert set(await letters_until(reader, "A", 20)) == {"A"}
    frozen.signal(signal.SIGSTOP)
    try:

        async def is_free() -> bool:
            return await cluster.nodes[1].announced("/cam") == 200

        await cluster.until(is_free)
        late = await TcpPublisher.start(other.port, other.url("/cam"))
        talks_late = Talker(late, b"B")
        after = await cluster.until_filled("/cam", other.name)
        assert after.epoch > before.epoch
        await letters_until(reader, "B", 20)
    finally:
        frozen.signal(signal.SIGCONT)
    # What it has read before it stood still is sent to nobody, and its publisher is sent away.
    await early.peer.closed()
    await talks.stop()
    assert set(await letters_until(reader, "B", 50)) == {"B"}
    lease = await cluster.lease("/cam")
    assert lease is not None
    assert lease.tenure == after
    # And the node serves: it takes the path from who has it now.
    at_frozen = await TcpReader.start(frozen.port, frozen.url("/cam"))
    assert set(await letters_until(at_frozen, "B", 5)) == {"B"}
    await talks_late.stop()


async def test_the_registry_is_killed_and_started_again_and_nobody_sees_it(
    cluster: ClusterProcesses,
) -> None:
    first, _, edge = cluster.nodes
    async with encoded(first.url("/cam")):
        before = await cluster.until_filled("/cam", first.name)
        async with playing(first.url("/cam"), edge.url("/cam")) as readers:
            await cluster.server.kill()
            # Longer than leases last.
            await asyncio.gather(*(reader.plays_on(175) for reader in readers))
            await cluster.server.start()
            await cluster.until_joined(*(node.name for node in cluster.nodes))
            assert await cluster.until_filled("/cam", first.name) == before
            await asyncio.gather(*(reader.plays_on() for reader in readers))
            assert await cluster.nodes[1].announced("/cam") == 503


async def test_nodes_are_replaced_one_after_another_and_readers_of_the_others_lose_nothing(
    cluster: ClusterProcesses,
) -> None:
    first, *others = cluster.nodes
    publisher = await TcpPublisher.start(first.port, first.url("/cam"))
    await cluster.until_filled("/cam", first.name)
    reader = await TcpReader.start(first.port, first.url("/cam"))
    for node in others:
        far = await TcpReader.start(node.port, node.url("/cam"))
        sent = await publisher.send(20)
        node.signal(signal.SIGTERM)
        assert await node.ended() == 0
        # Its own readers have everything that was sent before, and are told of the end.
        await far.peer.closed()
        sent += await publisher.send(20)
        assert await packets_until(reader, sent[-1]) == sent
        await node.start()
        await cluster.until_joined(*(each.name for each in cluster.nodes))
        again = await TcpReader.start(node.port, node.url("/cam"))
        sent = await publisher.send(20)
        # It began with what came last before.
        assert (await packets_until(again, sent[-1]))[-len(sent) :] == sent
        assert await packets_until(reader, sent[-1]) == sent


async def packets_until(reader: TcpReader, last: bytes) -> list[bytes]:
    """The packets of media that come up to this one."""
    got: list[bytes] = []
    while last not in got[-1:]:
        channel, packet = await reader.peer.frame()
        if channel == 0:
            got.append(packet)
    return got

"""Three `headwater serve --workers 2` and a `redis-server`: workers and supervisors that die."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from cluster_processes import DEADLINE_S, ClusterProcesses, NodeProcess, cluster_processes
from ffmpeg_publisher import encoded
from grandchildren import all_end, children_of
from playing_readers import playing
from redis_server import PROGRAM, RedisServer, redis_server
from rtsp_peer import TcpPublisher, TcpReader

__all__ = ["redis_server"]

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"needs {PROGRAM}"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]

READERS = 4
"""At each node: the kernel gives them to both workers."""


@pytest.fixture
async def cluster(redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[ClusterProcesses]:
    async with cluster_processes(redis_server, tmp_path, "--workers", "2") as running:
        yield running


def at_workers_of(*nodes: NodeProcess) -> list[str]:
    """Where so many readers play that each worker of these nodes has some."""
    return [node.url("/cam") for node in nodes for _ in range(READERS)]


async def test_a_publisher_at_one_machine_is_played_at_all_and_lasts_longer_than_a_worker(
    cluster: ClusterProcesses,
) -> None:
    first, *others = cluster.nodes
    async with AsyncExitStack() as stack:
        async with encoded(first.url("/cam")):
            before = await cluster.until_filled("/cam", first.name)
            readers = await stack.enter_async_context(playing(*at_workers_of(*others)))
            for pid in children_of(first.pid):
                os.kill(pid, signal.SIGKILL)
        # Its publisher is gone with its worker, and comes back at another machine.
        await stack.enter_async_context(encoded(others[0].url("/cam")))
        after = await cluster.until_filled("/cam", others[0].name)
        assert after.epoch > before.epoch
        await asyncio.gather(*(reader.plays_on() for reader in readers))
        # The machine serves again, by other workers, and is the same node.
        await cluster.until_joined(*(node.name for node in cluster.nodes))

        async def serves() -> bool:
            # Until a worker listens, nobody does.
            with contextlib.suppress(OSError, EOFError):
                return await first.announced("/other") == 200
            return False

        await cluster.until(serves)
        await stack.enter_async_context(playing(*at_workers_of(first)))


async def test_workers_end_with_their_supervisor_and_their_paths_are_free(
    cluster: ClusterProcesses,
) -> None:
    dies, *others = cluster.nodes
    await TcpPublisher.start(dies.port, dies.url("/cam"))
    await cluster.until_filled("/cam", dies.name)
    # Its workers, and the process that waits to be one.
    async with all_end(children_of(dies.pid), DEADLINE_S):
        await dies.kill()

    async def is_free() -> bool:
        return await others[0].announced("/cam") == 200

    await cluster.until(is_free)
    await cluster.until_joined(*(node.name for node in others))
    await dies.start()
    await cluster.until_joined(*(node.name for node in cluster.nodes))
    publisher = await TcpPublisher.start(dies.port, dies.url("/again"))
    await publisher.send(1)
    for node in others:
        await TcpReader.start(node.port, node.url("/again"))


async def test_a_machine_that_stood_still_does_not_take_its_path_back(
    cluster: ClusterProcesses,
) -> None:
    frozen, other, edge = cluster.nodes
    early = await TcpPublisher.start(frozen.port, frozen.url("/cam"))
    before = await cluster.until_filled("/cam", frozen.name)
    pids = [frozen.pid, *children_of(frozen.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:

        async def is_free() -> bool:
            return await other.announced("/cam") == 200

        await cluster.until(is_free)
        late = await TcpPublisher.start(other.port, other.url("/cam"))
        after = await cluster.until_filled("/cam", other.name)
        assert after.epoch > before.epoch
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    await early.peer.closed()
    [sent] = await late.send(1)
    for node in (frozen, edge):
        reader = await TcpReader.start(node.port, node.url("/cam"))
        channel, packet = await reader.peer.frame()
        while channel:
            channel, packet = await reader.peer.frame()
        assert packet == sent
    lease = await cluster.lease("/cam")
    assert lease is not None
    assert lease.tenure == after


async def test_readers_get_nothing_of_two_publishers_where_a_supervisor_alone_stands_still(
    cluster: ClusterProcesses,
) -> None:
    frozen, other, edge = cluster.nodes
    early = await TcpPublisher.start(frozen.port, frozen.url("/cam"))
    before = await cluster.until_filled("/cam", frozen.name)
    readers = [
        await TcpReader.start(node.port, node.url("/cam"))
        for node in (frozen, frozen, frozen, frozen, edge)
    ]
    await early.send(1)
    for reader in readers:
        await reader.peer.frame()
    os.kill(frozen.pid, signal.SIGSTOP)
    try:

        async def is_free() -> bool:
            return await other.announced("/cam") == 200

        await cluster.until(is_free)
        late = await TcpPublisher.start(other.port, other.url("/cam"))
        after = await cluster.until_filled("/cam", other.name)
        assert after.epoch > before.epoch
        # The workers live, and take what their publisher sends.
        assert "the supervisor says nothing" in frozen.log()
        held_back = await early.send(100)
        assert (await early.peer.ask("OPTIONS", early.url)).status == 200
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
    await early.peer.closed()
    # Of its own number, which the other's packets do not have.
    late.seq = 1000
    [sent] = bodies(await late.send(1))
    for reader in readers:
        got: list[bytes] = []
        while sent not in got:
            got += bodies([(await reader.peer.frame())[1]])
        assert not set(bodies(held_back)) & set(got)
    lease = await cluster.lease("/cam")
    assert lease is not None
    assert lease.tenure == after


def bodies(packets: list[bytes]) -> list[bytes]:
    """Packets without their headers, which are each server's own."""
    return [packet[12:] for packet in packets]

"""Readers that come while the path they want is about to be filled by another node."""

from __future__ import annotations

import asyncio

import pytest
from asking_node import node_is_told
from camera_here import camera
from cluster_rig import DEADLINE_S, SHORT_LEASE_S, Cluster, cluster
from redis_server import RedisServer, redis_server
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader

from headwater.cluster import patience
from headwater.cluster.leases import Tenure
from headwater.cluster.node import node_pulls, rtsp_pull
from headwater.cluster.registry.records import Ask, How, NodeRecord
from headwater.config.path_section import PathSection
from headwater.config.settings import Settings
from headwater.protocol.header.node_ask import FETCH
from headwater.testing.fake_camera.camera import AsyncFakeCamera

__all__ = ["camera", "redis_server"]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine another node takes its time.
    monkeypatch.setattr(patience, "PATIENCE_S", DEADLINE_S)


async def told(nodes: Cluster, number: int, epoch: int) -> int:
    """The status that a node gets which asks another for the mount of an epoch."""
    return await node_is_told(nodes.inside(number).relay, nodes.url(number), epoch)


async def test_a_reader_of_a_camera_whose_node_has_died_waits_for_the_next_one(
    redis_server: RedisServer, camera: AsyncFakeCamera
) -> None:
    settings = Settings(paths={"/cam": PathSection(source=camera.url, transport="tcp")})
    async with cluster(redis_server, settings=settings, lease_s=SHORT_LEASE_S) as both:
        await both.until(lambda: any(both.inside(n).mounts.get("/cam") for n in (0, 1)))
        [owner] = [n for n in (0, 1) if both.node(n).sources.holds("/cam")]
        held = both.node(owner)._holding.of("/cam")
        assert held is not None
        await both.die(owner)
        # The lease of the dead node goes on. Another node is not kept waiting for it.
        assert await told(both, 1 - owner, FETCH) == 404
        assert await told(both, 1 - owner, held.tenure.epoch) == 404
        reader = await TcpReader.start(both.port(1 - owner), both.url(1 - owner))
        await reader.peer.frame()
        assert both.node(1 - owner).sources.holds("/cam")


@pytest.mark.parametrize("fills", [True, False])
async def test_a_reader_waits_while_a_publisher_at_another_node_is_about_to_send(
    redis_server: RedisServer, fills: bool
) -> None:
    async with cluster(redis_server) as both:
        publisher, url = await RtspPeer.connect(both.port(0)), both.url(0)
        announced = await publisher.announce(url)
        assert announced.status == 200
        session = {"Session": announced.session}
        way = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"}
        assert (await publisher.ask("SETUP", f"{url}/streamid=0", way | session)).status == 200
        opened = both.inside(0).relay.counters.connections_opened
        asked = asyncio.create_task(both.status(1))
        # More than a few looks, each of which asks the other node.
        await both.until(
            lambda: asked.done() or both.inside(0).relay.counters.connections_opened >= opened + 5
        )
        assert not asked.done()
        assert await told(both, 0, 1) == 404
        if fills:
            assert (await publisher.ask("RECORD", url, session)).status == 200
        else:
            await publisher.close()
        assert await asked == (200 if fills else 404)


async def test_a_reader_waits_no_longer_for_a_node_that_has_lost_the_path(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than a test waits for an answer.
    monkeypatch.setattr(node_pulls, "_OPENING_DEADLINE_S", 3600.0)
    monkeypatch.setattr(rtsp_pull, "_ANSWER_S", 3600.0)
    held: list[asyncio.StreamWriter] = []

    def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    silent = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with silent, cluster(redis_server) as both:
        url = f"rtsp://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        registry = both.node(0)._registry
        [tenure] = await registry.claim(
            NodeRecord(name="x", life="1", url=url, public_url=url),
            [Ask("/cam", How.LATE, ready=True)],
        )
        asked = asyncio.create_task(both.status(1))
        await both.until(lambda: held)
        assert isinstance(tenure, Tenure)
        assert await registry.release(tenure)
        await TcpPublisher.start(both.port(0), both.url(0))
        assert await asked == 200
        for writer in held:
            writer.close()

"""The races that other systems ran into, between the nodes of a cluster."""

from __future__ import annotations

import asyncio

import pytest
from cluster_rig import cluster
from redis_server import RedisServer, redis_server
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader

from headwater.cluster.leases import Tenure
from headwater.cluster.pulls import OnEnded, Pulled
from headwater.cluster.registry.records import Ask, How, News
from headwater.relay.finding import Wanted

__all__ = ["redis_server"]

LONG_S = 3600.0


async def test_r2_a_pull_on_its_way_is_not_ended_because_nobody_reads_it_yet(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server) as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        pulls, clock = both.pulls(1), both.inside(1).relay.clock
        begin = pulls._begin_pull
        looks = 0

        def look_for_idle_ones() -> None:
            nonlocal looks
            looks += 1
            pulls.check(clock() + LONG_S)

        def begin_and_look(tenure: Tenure, wanted: Wanted | None, on_ended: OnEnded) -> Pulled:
            pulled = begin(tenure, wanted, on_ended)
            # Before the other node can have answered.
            asyncio.get_running_loop().call_soon(look_for_idle_ones)
            return pulled

        pulls._begin_pull = begin_and_look
        assert await both.status(1) == 200
        assert looks == 1
        assert len(pulls) == 1


async def test_r2_what_a_reader_has_described_is_still_there_at_its_setup(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server) as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        peer = await RtspPeer.connect(both.port(1))
        assert (await peer.ask("DESCRIBE", both.url(1))).status == 200
        pulls, described = both.pulls(1), both.mount(1)
        pulls.check(both.inside(1).relay.clock() + pulls.linger_s / 2)
        transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        assert (await peer.ask("SETUP", both.url(1) + "/trackID=0", transport)).status == 200
        assert both.mount(1) is described


async def test_r9_a_node_whose_readers_left_ends_its_pull_and_nothing_else(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server, nodes=3) as nodes:
        publisher = await TcpPublisher.start(nodes.port(0), nodes.url(0))
        await publisher.send(1)
        leaves = await TcpReader.start(nodes.port(1), nodes.url(1))
        stays = await TcpReader.start(nodes.port(2), nodes.url(2))
        await stays.peer.frame()
        await leaves.peer.close()
        await nodes.until(lambda: not nodes.mount(1).readers)
        pulls, clock = nodes.pulls(1), nodes.inside(1).relay.clock
        pulls.check(clock())
        pulls.check(clock() + pulls.linger_s + 1)
        assert len(pulls) == 0
        await nodes.until(lambda: len(nodes.mount(0).readers) == 1)
        [lease] = (await nodes.node(1)._registry.look_up(["/cam"])).values()
        assert lease is not None
        assert lease.tenure.holder == "a"
        sent = await publisher.send(3)
        assert [(await stays.peer.frame())[1] for _ in range(3)] == sent


async def test_r10_whoever_was_told_that_nobody_publishes_finds_the_publisher_by_the_news(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server) as both:
        directory = both.node(1)._directory
        # What is known would count for an hour.
        directory._clock = lambda: 0.0
        assert await both.status(1) == 404
        assert "/cam" in directory._known
        await TcpPublisher.start(both.port(0), both.url(0))
        await both.until(lambda: "/cam" not in directory._known)
        assert await both.status(1) == 200


async def test_r10_news_that_are_lost_hide_a_publisher_only_as_long_as_an_answer_counts(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cluster(redis_server) as both:
        directory = both.node(1)._directory
        now_s = 0.0
        directory._clock = lambda: now_s
        heard: list[News] = []
        monkeypatch.setattr(both.node(1).space, "hear", heard.append)
        assert await both.status(1) == 404
        await TcpPublisher.start(both.port(0), both.url(0))
        await both.until(lambda: heard)
        assert await both.status(1) == 404
        now_s = 1.0
        assert await both.status(1) == 200


async def test_r11_a_node_does_not_pull_from_itself(redis_server: RedisServer) -> None:
    async with cluster(redis_server) as both:
        node = both.node(1)
        # As from an earlier life of this node, which the registry has not forgotten yet.
        [tenure] = await node._registry.claim(node.record(), [Ask("/cam", How.FREE)])
        assert isinstance(tenure, Tenure)
        assert tenure.holder == node.name
        assert await both.status(1) == 404
        assert len(both.pulls(1)) == 0


async def test_r11_a_node_whose_url_leads_to_another_makes_no_loop(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server, nodes=1) as nodes:
        await nodes.start_node(advertise_url=nodes.url(0, "").rstrip("/"))
        await nodes.until(lambda: len(nodes.node(0).all) == 2)
        await TcpPublisher.start(nodes.port(1), nodes.url(1))
        opened = nodes.inside(0).relay.counters.connections_opened
        assert await nodes.status(0) == 404
        # The reader, and what the node asked itself in vain: at most once for each of its looks.
        assert nodes.inside(0).relay.counters.connections_opened - opened <= 1 + 3


async def test_r14_what_a_node_had_that_ends_in_order_is_free_at_once(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server, lease_s=LONG_S) as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        await both.servers[0].stop()
        await TcpPublisher.start(both.port(1), both.url(1))


async def test_r14_a_node_that_is_late_keeps_its_paths_until_its_lease_ends(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server, lease_s=LONG_S) as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        peer = await RtspPeer.connect(both.port(1))
        url = both.url(1)
        assert (await peer.announce(url)).status == 503
        # The lease ends: nobody has renewed it.
        client = redis_server.client()
        assert await client.pexpire(both.node(0)._registry._lease_key("/cam"), 1)  # type: ignore[attr-defined]
        await client.aclose()
        assert (await peer.announce(url)).status == 200


async def test_r10_a_node_that_has_just_come_is_found_by_its_lease(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server, lease_s=LONG_S) as both:
        node = both.node(1)
        await TcpPublisher.start(both.port(0), both.url(0))
        # As before the beat that brings it.
        node._nodes = {node.name: node.record()}
        assert await both.status(1) == 200

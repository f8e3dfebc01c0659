"""What a cluster does when a node dies, or the registry goes."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Any

import pytest
from camera_here import camera
from cluster_rig import SHORT_LEASE_S, Cluster
from cluster_rig import cluster as any_cluster
from cut_link import cut_link
from redis_server import RedisServer, redis_server
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader

from headwater.cluster.leases import Tenure
from headwater.cluster.node.cluster_node import steady_clock
from headwater.cluster.node.settings import ClusterSettings, RegistryLoss
from headwater.cluster.registry.records import Change, News
from headwater.cluster.registry.redis_registry import _DEADLINE_S, RedisRegistry
from headwater.config.path_section import PathSection
from headwater.config.settings import Settings
from headwater.testing.fake_camera.camera import AsyncFakeCamera

__all__ = ["camera", "redis_server"]

cluster = partial(any_cluster, lease_s=SHORT_LEASE_S)


def with_camera(camera: AsyncFakeCamera, **chosen: Any) -> Settings:
    return Settings(paths={"/cam": PathSection(source=camera.url, transport="tcp", **chosen)})


def fetchers(nodes: Cluster) -> list[int]:
    return [
        number
        for number, server in enumerate(nodes.servers)
        if server.running and nodes.node(number).sources.holds("/cam")
    ]


async def played(nodes: Cluster, number: int) -> TcpReader:
    reader = await TcpReader.start(nodes.port(number), nodes.url(number))
    await reader.peer.frame()
    return reader


def unheard(news: News) -> None:
    """Do nothing about news."""
    del news


async def test_a_camera_is_fetched_once_for_all_nodes(
    redis_server: RedisServer, camera: AsyncFakeCamera
) -> None:
    async with cluster(redis_server, nodes=3, settings=with_camera(camera)) as nodes:
        await nodes.until(lambda: len(fetchers(nodes)) == 1)
        for number in range(3):
            await played(nodes, number)
        assert len(camera.sessions) == 1
        assert len(fetchers(nodes)) == 1


async def test_on_demand_a_camera_is_fetched_when_a_reader_comes_and_left_when_none_is_there(
    redis_server: RedisServer, camera: AsyncFakeCamera
) -> None:
    settings = with_camera(camera, on_demand=True)
    async with cluster(redis_server, nodes=3, settings=settings) as nodes:
        assert fetchers(nodes) == []
        readers = await asyncio.gather(*(played(nodes, number) for number in range(3)))
        assert len(camera.sessions) == 1
        [owner] = fetchers(nodes)
        for reader in readers:
            await reader.peer.close()
        for number in range(3):
            nodes.pulls(number).linger_s = 0.0
        short = with_camera(camera, on_demand=True, on_demand_linger_s=0.01)
        await nodes.servers[owner].set_path("/cam", short.paths["/cam"])
        await nodes.until(lambda: fetchers(nodes) == [])


async def test_a_node_dies_and_its_camera_plays_on_at_another_for_the_readers_that_stayed(
    redis_server: RedisServer, camera: AsyncFakeCamera
) -> None:
    async with cluster(redis_server, nodes=3, settings=with_camera(camera)) as nodes:
        await nodes.until(lambda: fetchers(nodes))
        [owner] = fetchers(nodes)
        others = [number for number in range(3) if number != owner]
        readers = [await played(nodes, number) for number in others]
        await nodes.die(owner)
        await nodes.until(lambda: any(number in others for number in fetchers(nodes)))
        for number in others:
            await nodes.until(lambda number=number: nodes.mount(number).publisher)  # type: ignore[misc]
        for reader in readers:
            reader.peer.frames.clear()
            await reader.peer.frame()


async def test_a_node_that_drains_gives_its_camera_to_another_and_takes_no_publisher(
    redis_server: RedisServer, camera: AsyncFakeCamera
) -> None:
    async with cluster(redis_server, nodes=2, settings=with_camera(camera)) as nodes:
        await nodes.until(lambda: fetchers(nodes))
        [owner] = fetchers(nodes)
        reader = await played(nodes, owner)
        registry = nodes.node(owner)._registry
        assert isinstance(registry, RedisRegistry)
        assert await registry.order_drain("ab"[owner], drain=True)
        await nodes.until(lambda: fetchers(nodes) == [1 - owner])
        await nodes.until(lambda: nodes.pulls(owner).has("/cam"))
        reader.peer.frames.clear()
        await reader.peer.frame()
        peer = await RtspPeer.connect(nodes.port(owner))
        url = nodes.url(owner, "/new")
        assert (await peer.announce(url)).status == 503
        await registry.order_drain("ab"[owner], drain=False)
        await nodes.until(lambda: not nodes.node(owner).sources.drains)
        assert (await peer.announce(url)).status == 200


async def test_without_the_registry_what_plays_goes_on_and_is_claimed_again(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server) as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        await publisher.send(1)
        reader = await played(both, 1)
        held = both.node(0)._holding.of("/cam")
        assert held is not None
        epoch = held.tenure.epoch
        await redis_server.kill()
        await both.until(
            lambda: both.node(0)._holding.gone_since_s and held.good_until_s < steady_clock()
        )
        sent = await publisher.send(3)
        assert [(await reader.peer.frame())[1] for _ in range(3)] == sent
        # Started again, it knows nothing.
        await redis_server.start()
        await both.until(lambda: both.node(0)._holding.gone_since_s is None)
        assert both.node(0)._holding.of("/cam") is held
        assert held.tenure.epoch == epoch
        second = await RtspPeer.connect(both.port(1))
        answer = await second.announce(both.url(1))
        assert answer.status == 503
        sent = await publisher.send(3)
        assert [(await reader.peer.frame())[1] for _ in range(3)] == sent


async def test_a_beat_that_fails_is_followed_by_another_before_the_leases_end(
    redis_server: RedisServer,
) -> None:
    async with any_cluster(redis_server, nodes=1) as one:
        node, lease_s = one.node(0), ClusterSettings().lease_s
        assert node._until_beat_s() == lease_s / 3
        await redis_server.kill()
        node._hurry.set()
        await one.until(lambda: node._holding.gone_since_s)
        # One beat is on time, and its answer does not come; the answer of the next one does.
        assert lease_s / 3 + _DEADLINE_S + node._until_beat_s() < 0.8 * lease_s
        assert node._holding.gone_since_s is not None
        node._holding.gone_since_s -= lease_s
        assert node._until_beat_s() == lease_s / 3
        await redis_server.start()


@pytest.mark.parametrize(("on_loss", "status"), [("serve", 200), ("refuse", 503)])
async def test_new_publishers_without_the_registry(
    redis_server: RedisServer, on_loss: str, status: int
) -> None:
    async with cluster(redis_server, on_registry_loss=RegistryLoss(on_loss)) as both:
        await redis_server.kill()
        peer = await RtspPeer.connect(both.port(0))
        answer = await peer.announce(both.url(0))
        assert answer.status == status
        await redis_server.start()
        await both.until(lambda: both.node(0)._holding.gone_since_s is None)
        # What was taken meanwhile is claimed now.
        held = both.node(0)._holding.of("/cam")
        assert (held is not None and held.tenure.epoch > 0) == (status == 200)


@pytest.mark.parametrize("first_back", [0, 1])
async def test_of_two_publishers_from_the_time_without_registry_the_earlier_claim_stays(
    redis_server: RedisServer, first_back: int
) -> None:
    async with cluster(redis_server) as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        await redis_server.kill()
        await both.until(lambda: both.node(1)._holding.gone_since_s)
        second = await TcpPublisher.start(both.port(1), both.url(1))
        async with both.node(1 - first_back)._beating:
            await redis_server.start()
            await both.until(lambda: both.node(first_back)._holding.gone_since_s is None)
        await second.peer.closed()
        assert both.mount(0).publisher is not None
        held = both.node(0)._holding.of("/cam")
        assert held is not None
        assert both.node(1)._holding.of("/cam") is None


async def test_1000_describes_of_unknown_names_reach_the_registry_as_rarely_as_the_cache_says(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server) as both:
        peers = [await RtspPeer.connect(both.port(0)) for _ in range(20)]
        before = await redis_server.calls_of("hmget")
        loop = asyncio.get_running_loop()
        began_s = loop.time()

        async def ask(peer: RtspPeer, number: int) -> None:
            for turn in range(50):
                name = f"/nothing{(number + turn) % 10}"
                assert (await peer.ask("DESCRIBE", both.url(0, name))).status == 404

        await asyncio.gather(*(ask(peer, number) for number, peer in enumerate(peers)))
        took_s = loop.time() - began_s
        calls = await redis_server.calls_of("hmget") - before
        # Ten names, each once for as long as the answer is kept. Scripts of beats call it too.
        beats = 4 * (took_s / (SHORT_LEASE_S / 3) + 2)
        assert calls <= 10 * (took_s / 0.75 + 1) + beats


async def test_a_node_that_is_cut_off_from_the_registry_alone_yields_when_it_is_back(
    redis_server: RedisServer,
) -> None:
    async with cut_link(redis_server.port) as link, cluster(redis_server) as nodes:
        await nodes.start_node(url=f"redis://127.0.0.1:{link.port}/0")
        await nodes.until(lambda: len(nodes.node(0).all) == len(nodes.node(2).all) == 3)
        early = await TcpPublisher.start(nodes.port(2), nodes.url(2))
        await early.send(1)
        far, near = await played(nodes, 1), await played(nodes, 2)
        link.cut()
        await nodes.until(lambda: nodes.node(2)._holding.gone_since_s)
        # What plays goes on, at other nodes too.
        [sent] = await early.send(1)
        assert (await far.peer.frame())[1] == (await near.peer.frame())[1] == sent
        await nodes.until_free(0)
        late = await TcpPublisher.start(nodes.port(0), nodes.url(0))
        held = nodes.node(0)._holding.of("/cam")
        assert held is not None
        await nodes.until(lambda: held.tenure in nodes.pulls(1).tenures())
        # Readers at other nodes go with the new one, readers at the cut-off node stay.
        far.peer.frames.clear()
        [sent_early], [sent_late] = await early.send(1), await late.send(1)
        assert (await near.peer.frame())[1] == sent_early
        assert (await far.peer.frame())[1][12:] == sent_late[12:]
        link.mend()
        await early.peer.closed()
        assert nodes.node(0)._holding.of("/cam") is held
        assert nodes.node(2)._holding.of("/cam") is None
        # Its readers wait no longer than until they have the later publisher.
        await nodes.until(lambda: nodes.mount(2).publisher)
        [sent_late] = await late.send(1)
        await near.comes(sent_late)


async def test_readers_of_a_claim_that_is_lost_with_a_beat_go_to_who_has_the_path(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server) as both:
        early = await TcpPublisher.start(both.port(1), both.url(1))
        await early.send(1)
        reader = await played(both, 1)
        # Its news are heard by nobody, as where they came while the node stood still.
        both.node(1).space.hear = unheard  # type: ignore[method-assign]
        async with both.node(1)._beating:
            await both.until_free(0)
            late = await TcpPublisher.start(both.port(0), both.url(0))
        await early.peer.closed()
        await both.until(lambda: both.mount(1).publisher)
        [sent] = await late.send(1)
        await reader.comes(sent)


async def test_readers_of_a_claim_that_is_lost_before_it_was_filled_go_to_who_has_the_path(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server) as both:
        early = await TcpPublisher.start(both.port(1), both.url(1))
        await early.send(1)
        reader = await played(both, 1)
        await early.peer.close()
        await both.until_free(0)
        peer, url = await RtspPeer.connect(both.port(1)), both.url(1)
        assert (await peer.announce(url)).status == 200
        # News are heard by nobody, as where they came while the node stood still.
        both.node(1).space.hear = unheard  # type: ignore[method-assign]
        async with both.node(1)._beating:
            await both.until_free(0)
            late = await TcpPublisher.start(both.port(0), both.url(0))
        await peer.closed()
        await both.until(lambda: both.mount(1).publisher)
        [sent] = await late.send(1)
        await reader.comes(sent)


async def test_a_camera_goes_to_another_node_while_its_first_one_goes_on_without_the_registry(
    redis_server: RedisServer, camera: AsyncFakeCamera
) -> None:
    async with (
        cut_link(redis_server.port) as link,
        cluster(redis_server, nodes=0, settings=with_camera(camera)) as nodes,
    ):
        await nodes.start_node(url=f"redis://127.0.0.1:{link.port}/0")
        await nodes.until(lambda: fetchers(nodes) == [0])
        for _ in range(2):
            await nodes.start_node()
        readers = [await played(nodes, number) for number in range(3)]
        got = Counter[TcpReader]()

        async def take_all(reader: TcpReader) -> None:
            while True:
                await reader.peer.frame()
                got[reader] += 1

        tasks = [asyncio.create_task(take_all(reader)) for reader in readers]
        link.cut()
        await nodes.until(lambda: len(fetchers(nodes)) == 2)
        [taker] = set(fetchers(nodes)) - {0}
        held = nodes.node(taker)._holding.of("/cam")
        assert held is not None
        # What the first one sends to it meanwhile does not keep it from the camera.
        await nodes.until(lambda: held.ready)
        await nodes.until(lambda: held.tenure in nodes.pulls(3 - taker).tenures())
        link.mend()
        await nodes.until(lambda: fetchers(nodes) == [taker])
        await nodes.until(lambda: held.tenure in nodes.pulls(0).tenures())
        got.clear()
        await nodes.until(lambda: len(got) == 3)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_node_whose_name_another_has_takes_no_publisher_until_that_is_gone(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server, nodes=1) as nodes:
        await nodes.start_node(node="a")
        await nodes.node(0)._beat()
        assert await nodes.status(0, "OPTIONS") == 200
        peer, url = await RtspPeer.connect(nodes.port(0)), nodes.url(0)
        assert (await peer.announce(url)).status == 503
        await TcpPublisher.start(nodes.port(1), nodes.url(1))
        await nodes.servers.pop().stop()
        await nodes.node(0)._beat()
        assert (await peer.announce(url)).status == 200


class CountedSources:
    """Sources that are always fetched, which count how often all are gone through."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths
        self.looks = 0

    def has(self, path: str) -> bool:
        return path in self.paths

    def permanent(self) -> list[str]:
        self.looks += 1
        return self.paths

    def is_wanted(self, path: str) -> bool:
        return path in self.paths

    def look_again(self) -> None:
        """Start none."""


async def test_sources_that_become_free_together_are_looked_for_once(
    redis_server: RedisServer,
) -> None:
    paths = [f"/cam{number}" for number in range(20)]
    async with cluster(redis_server, nodes=1) as nodes:
        node, counted = nodes.node(0), CountedSources(paths)
        # Its own beats look as well.
        async with node._beating:
            node.sources.sources = counted
            for path in [*paths, "/published"]:
                node._hear(News(Change.DOWN, Tenure(path, "b", 7)))
            await nodes.until(lambda: all(map(node.sources.holds, paths)))
            assert counted.looks == 1
            assert not node.sources.holds("/published")

"""A node that stood still lets nothing out before it is known who has its paths."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cluster_rig import SHORT_LEASE_S, cluster
from redis_server import RedisServer, redis_server
from rtsp_peer import TcpPublisher, TcpReader

from headwater.cluster.node.settings import RegistryLoss

__all__ = ["redis_server"]


async def test_a_node_that_stood_still_lets_nothing_out_before_it_knows_that_it_may(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server, lease_s=SHORT_LEASE_S) as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        await publisher.send(1)
        reader = await TcpReader.start(both.port(0), both.url(0))
        await reader.peer.frame()
        node = both.node(0)
        held = node._holding.of("/cam")
        assert held is not None
        # As after SIGSTOP: the clock has gone on, and the first packet has the loop look at it.
        held.good_until_s -= 100
        node._stood_still()
        fenced = both.mount(0)
        packets_before = fenced.tracks[0].counters.packets
        assert len(node._held_back) == 1
        fenced.tracks[0].write([b"\x80\x60" + bytes(10)])
        assert fenced.tracks[0].counters.packets == packets_before + 1
        await both.until(lambda: len(node._held_back) == 0)
        sent = await publisher.send(1)
        assert (await reader.peer.frame())[1] == sent[0]


@pytest.mark.parametrize("on_loss", RegistryLoss)
async def test_without_the_registry_it_goes_on_as_the_settings_say_by_now(
    redis_server: RedisServer, on_loss: RegistryLoss
) -> None:
    [before] = set(RegistryLoss) - {on_loss}
    async with cluster(redis_server, lease_s=SHORT_LEASE_S, on_registry_loss=before) as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        await publisher.send(1)
        reader = await TcpReader.start(both.port(0), both.url(0))
        await reader.peer.frame()
        node = both.node(0)
        node.apply(replace(node._settings, on_registry_loss=on_loss))
        await redis_server.kill()
        await both.until(lambda: node._holding.gone_since_s)
        held = node._holding.of("/cam")
        assert held is not None
        held.good_until_s -= 100
        node._stood_still()
        assert len(node._held_back) == 1
        await both.until(lambda: len(node._held_back) == 0)
        if on_loss is RegistryLoss.REFUSE:
            await publisher.peer.closed()
            assert node._holding.of("/cam") is None
        else:
            [sent] = await publisher.send(1)
            assert (await reader.peer.frame())[1] == sent
            assert node._holding.of("/cam") is held
        await redis_server.start()

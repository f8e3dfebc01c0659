"""Readers at one worker of a mount that another one has."""

from __future__ import annotations

import asyncio
import ssl

from machine import machine
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader
from server_rig import certificate

from headwater.config.settings import Settings
from headwater.net.settings import TlsSettings

__all__ = ["certificate"]


async def test_a_reader_at_another_worker_gets_every_packet_in_order() -> None:
    async with machine() as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        kept = await publisher.send(1)
        await both.until(lambda: both.mount(0).tracks[0].counters.packets)
        reader = await TcpReader.start(both.port(1), both.url(1))
        sent = await publisher.send(50)
        got = [await reader.peer.frame() for _ in range(51)]
        assert [packet for channel, packet in got if channel == 0] == [*kept, *sent]
        assert reader.play.header("RTP-Info") is not None


async def test_a_reader_over_tls_stays_where_it_is_and_its_worker_pulls(
    certificate: TlsSettings,
) -> None:
    context = ssl.create_default_context(cafile=certificate.certificate)
    async with machine(settings=Settings(tls=certificate), hot_readers=10) as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        await publisher.send(1)
        peer = await RtspPeer.connect(both.port(1), ssl=context, server_hostname="localhost")
        assert (await peer.ask("DESCRIBE", both.url(1))).status == 200
        assert both.pulls(1).has("/cam")
        plain = await RtspPeer.connect(both.port(1))
        other = both.url(1, "/other")
        await TcpPublisher.start(both.port(0), both.url(0, "/other"))
        assert (await plain.ask("DESCRIBE", other)).status == 200
        assert not both.pulls(1).has("/other")
        assert len(both.inside(1).connections) == 1


async def test_a_mount_that_is_hot_is_pulled_by_further_readers() -> None:
    async with machine(hot_readers=3) as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        for _ in range(5):
            await TcpReader.start(both.port(1), both.url(1))
        # All five came before the worker has counted again.
        assert len(both.mount(0).readers) == 4
        assert both.mount(0).counted_readers == 3
        assert both.mount(1).counted_readers == 2


async def test_r13_a_crowd_at_another_worker_is_one_pull_and_none_when_it_has_gone() -> None:
    async with machine() as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        await publisher.send(1)
        readers = await asyncio.gather(
            *(TcpReader.start(both.port(1), both.url(1)) for _ in range(20))
        )
        owner, edge = both.mount(0), both.mount(1)
        assert len(owner.readers) == 1
        assert len(edge.readers) == 20
        for reader in readers:
            await reader.peer.close()
        await both.until(lambda: not edge.readers)
        pulls = both.pulls(1)
        assert len(pulls) == 1
        now = both.inside(1).relay.clock()
        pulls.check(now)
        pulls.check(now + pulls.linger_s + 1)
        assert len(pulls) == 0
        await both.until(lambda: not owner.readers)
        assert both.inside(1).mounts.get("/cam") is None


async def test_readers_at_another_worker_wait_for_a_publisher_that_has_none_at_its_own() -> None:
    async with machine() as both:
        first = await TcpPublisher.start(both.port(0), both.url(0))
        await first.send(1)
        reader = await TcpReader.start(both.port(1), both.url(1))
        await reader.peer.frame()
        await first.peer.close()
        await both.until(lambda: both.inside(0).mounts.get("/cam") is None)
        await both.until(lambda: not both.pulls(1).has("/cam"))
        assert both.mount(1).publisher is None
        second = await TcpPublisher.start(both.port(0), both.url(0))
        await both.until(lambda: both.mount(1).publisher)
        await second.send(3)
        channels = [(await reader.peer.frame())[0] for _ in range(3)]
        assert channels == [0, 0, 0]

"""Readers at one worker of a mount that another one has."""

from __future__ import annotations

import asyncio

from machine import machine
from rtsp_peer import TcpPublisher, TcpReader


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

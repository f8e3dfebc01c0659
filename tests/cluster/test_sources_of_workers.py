"""Sources that workers fetch: each by one worker, for the readers of all."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from machine import Machine, machine
from rtsp_peer import SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader

from headwater.app.workers.slices import slice_of
from headwater.cluster import patience
from headwater.config.path_section import path_sections
from headwater.config.settings import Settings
from headwater.media.mount import Mount
from headwater.media.settings import MountSettings
from headwater.relay.finding import Wanted
from headwater.testing.fake_camera import AsyncFakeCamera


@pytest.mark.parametrize("on_demand", [False, True])
async def test_a_source_is_fetched_once_for_the_readers_of_all_workers(on_demand: bool) -> None:
    async with AsyncFakeCamera() as camera:
        source = {"source": camera.url, "transport": "tcp", "on_demand": on_demand}
        async with machine(settings=Settings(paths=path_sections({"cam": source}))) as both:
            if on_demand:
                assert not camera.connections
            else:
                await both.until(lambda: both.directory.leases.find("/cam"))
                await both.until(
                    lambda: any(both.inside(number).mounts.get("/cam") for number in (0, 1))
                )
            readers = await asyncio.gather(
                *(TcpReader.start(both.port(number), both.url(number)) for number in (0, 1, 0, 1))
            )
            for reader in readers:
                for _ in range(5):
                    await reader.peer.frame()
            assert len(camera.connections) == 1
            assert sorted(both.pulls(number).has("/cam") for number in (0, 1)) == [False, True]
            refused = await RtspPeer.connect(both.port(0))
            answer = await refused.ask("DESCRIBE", both.url(0, "/other"))
            assert answer.status == 404


async def test_readers_of_another_worker_are_told_where_a_camera_is_down() -> None:
    source = {"source": "rtsp://127.0.0.1:9/none", "on_demand": True}
    async with machine(settings=Settings(paths=path_sections({"cam": source}))) as both:
        for number in (0, 1):
            peer = await RtspPeer.connect(both.port(number))
            answer = await peer.ask("DESCRIBE", both.url(number))
            assert answer.status == 502


async def test_readers_wait_for_the_worker_that_takes_the_place_of_the_one_that_fetches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 60.0)
    async with AsyncFakeCamera() as camera:
        source = {"source": camera.url, "transport": "tcp"}
        async with machine(settings=Settings(paths=path_sections({"cam": source}))) as both:
            await both.until(lambda: both.directory.leases.find("/cam"))
            tenure = both.directory.leases.find("/cam")
            assert tenure is not None
            fetcher = int(tenure.holder[-1]) - 1
            both.die(fetcher)
            looks = Counter[str]()
            member = both.workers[1 - fetcher].member
            assert member is not None
            bring = member.bus.bring

            async def counted(path: str, wanted: Wanted | None = None) -> Mount | None:
                looks[path] += 1
                return await bring(path, wanted)

            monkeypatch.setattr(member.bus, "bring", counted)
            other = both.port(1 - fetcher), both.url(1 - fetcher)
            asked = asyncio.create_task(TcpReader.start(*other))
            await both.until(lambda: asked.done() or looks["/cam"] > 1)
            assert not asked.done()
            await both.start_worker(fetcher)
            await (await asked).peer.frame()


async def applied(both: Machine, sections: dict[str, dict[str, Any]]) -> None:
    """Have all workers go by these paths, as their supervisor does at a reload."""
    both.settings = replace(both.settings, paths=path_sections(sections))
    for worker in both.workers:
        place = worker.place
        await worker.server.apply(slice_of(both.settings, place.number, place.workers))


async def test_sources_are_changed_added_and_removed_at_all_workers() -> None:
    async with AsyncFakeCamera() as first, AsyncFakeCamera() as second:
        before = {"cam": {"source": first.url, "transport": "tcp"}}
        # At the other worker, a mount whose source was removed waits out its grace.
        mounts = MountSettings(grace_s=4.0)
        settings = Settings(paths=path_sections(before), mounts=mounts)
        async with machine(settings=settings) as both:
            readers = [
                await TcpReader.start(both.port(number), both.url(number)) for number in (0, 1)
            ]
            for reader in readers:
                await reader.peer.frame()
            changed = {"cam": {"source": second.url, "transport": "tcp"}}
            await applied(both, changed | {"new": {"source": first.url, "transport": "tcp"}})
            await first.wait_until(lambda: len(first.live_connections) == 1)
            await both.until(lambda: both.directory.leases.find("/new"))
            await second.wait_until(lambda: bool(second.live_sessions))
            # Those who read stay, and get what the other camera sends.
            sent = len(second.sessions)
            for reader in readers:
                for _ in range(20):
                    await reader.peer.frame()
            assert (sent, len(second.connections)) == (1, 1)
            await applied(both, {})
            await both.until(lambda: not both.directory.leases.find("/cam"))
            await both.until(lambda: not any(both.inside(n).mounts.get("/cam") for n in (0, 1)))
            await second.wait_until(lambda: not second.live_connections)
            await first.wait_until(lambda: not first.live_connections)
            # Nobody has the path any more: publishers can have it, at any worker.
            publisher = await TcpPublisher.start(both.port(1), both.url(1), SDP_VIDEO)
            await both.until(lambda: both.directory.leases.find("/cam"))
            await publisher.peer.close()

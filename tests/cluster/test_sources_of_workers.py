"""Sources that workers fetch: each by one worker, for the readers of all."""

from __future__ import annotations

import asyncio

import pytest
from machine import machine
from rtsp_peer import RtspPeer, TcpReader

from headwater.config.path_section import path_sections
from headwater.config.settings import Settings
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

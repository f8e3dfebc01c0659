"""What packets of a source cost: the same functions as those of a publisher, as often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from inside import inside
from meter import CallMeter
from rtsp_peer import SDP_VIDEO, TcpPublisher
from udp_peer import UdpPublisher

from headwater import RtspServer
from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings

BATCHES = 200
ON_THE_WAY = ("TcpStream", "WireConnection", "WireParser", "Udp", "Datagram", "Ingest", "FanOut")
"""What every batch passes; what the cache does depends on what is in it."""


async def calls_of_a_batch(
    server: RtspServer, path: str, go_on: Callable[[], Awaitable[object]]
) -> dict[str, int]:
    """How often each batch calls what is on its way, while `go_on` has some come."""
    mount = inside(server).mounts.get(path)
    assert mount is not None
    counters = mount.tracks[0].counters
    before = counters.batches
    with CallMeter() as meter:
        while counters.batches < before + BATCHES:
            await go_on()
    came = counters.batches - before
    calls = {
        name: round(count / came)
        for name, count in meter.python.items()
        if name.startswith(ON_THE_WAY) or name in {"Track.write", "Track.write_run", "Track._send"}
    }
    return {name: count for name, count in calls.items() if count}


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_batch_of_a_source_calls_what_one_of_a_publisher_does(transport: str) -> None:
    arguments: dict[str, Any] = {"host": "127.0.0.1", "publish_port": 0, "rtp_port_start": 45_000}
    fast = CameraSettings(pace=20.0)
    async with AsyncFakeCamera(settings=fast) as camera, RtspServer(**arguments) as server:
        await server.add_source("/front", camera.url, transport=transport)
        await server.wait_for_mount("/front", 20)
        of_source = await calls_of_a_batch(server, "/front", lambda: asyncio.sleep(0.01))
        await server.remove_source("/front")
        url = server.publish_url("/other")
        if transport == "tcp":
            over_tcp = await TcpPublisher.start(server.publish_port, url, SDP_VIDEO)
        else:
            over_udp = await UdpPublisher.start(server.publish_port, url)

        async def send() -> None:
            if transport == "tcp":
                await over_tcp.send(2)
            else:
                over_udp.send(2)
            await asyncio.sleep(0.005)

        await send()
        of_publisher = await calls_of_a_batch(server, "/other", send)
    assert of_source == of_publisher
    assert len(of_source) > 3

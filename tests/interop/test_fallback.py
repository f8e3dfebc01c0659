"""ffmpeg plays through the fallback of a source and the return of the first choice."""

from __future__ import annotations

import asyncio
import re

import pytest
from own_ports import own_port
from waiting import holds

from headwater import RtspServer
from headwater.sources import rehearsal
from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings, sample

pytestmark = pytest.mark.interop

PLAYED_S = 12
# Its null output tells of two pictures of one time at a cut, which is what a cut is.
SEAM = re.compile(r".*non monotonically increasing dts.*")


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_ffmpeg_plays_on_over_both_seams(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "RUN_S", 2.0)
    tracks = (sample.h264(), sample.pcma())
    first = AsyncFakeCamera(settings=CameraSettings(tracks=tracks))
    second = AsyncFakeCamera(settings=CameraSettings(tracks=tracks, seed=9))
    server = RtspServer(host="127.0.0.1", publish_port=0, rtp_port_start=own_port(0))
    async with first, second, server:
        await server.add_source("/front", first.url, fallback=[second.url], transport="tcp")
        await server.wait_for_mount("/front", 20)
        player = await asyncio.create_subprocess_exec(
            *("ffmpeg", "-hide_banner", "-loglevel", "warning", "-rtsp_transport", transport),
            *("-i", server.play_url("/front"), "-t", str(PLAYED_S), "-f", "null", "-"),
            stderr=asyncio.subprocess.PIPE,
        )
        await holds(lambda: server.mounts["/front"].readers_total == 1)
        await asyncio.sleep(2)
        await first.close()
        await holds(lambda: server.sources[0].live == second.url, within_s=2)
        await asyncio.sleep(1)
        await first.start()
        await holds(lambda: server.sources[0].live == first.url)
        assert player.returncode is None
        async with asyncio.timeout(60):
            _, said = await player.communicate()
            code = await player.wait()
        readers = server.mounts["/front"].readers_total
    complaints = [
        line for line in said.decode().splitlines() if line.strip() and not SEAM.match(line)
    ]
    assert (code, complaints, readers) == (0, [], 1)

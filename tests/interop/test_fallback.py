"""Players play through the fallback of a source and the return of the first choice."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from clients.client import Media, Program, Transport
from clients.vlc import TRANSPORT_OPTIONS, VlcPlayer
from media_library import MediaLibrary
from own_ports import own_port
from vlc_program import why_no_rtsp
from waiting import holds

from headwater import RtspServer
from headwater.sources import rehearsal
from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings, sample

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

PLAYED_S = 12
# Its null output tells of two pictures of one time at a cut, which is what a cut is.
SEAM = re.compile(r".*non monotonically increasing dts.*")
PICTURE_BYTES = 320 * 240 * 3 // 2


@asynccontextmanager
async def front(
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[RtspServer, Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]]]:
    """A server with a source and a fallback, and what has it go over both seams.

    What is awaited before each is given: that the player plays.
    """
    monkeypatch.setattr(rehearsal, "RUN_S", 2.0)
    tracks = (sample.h264(), sample.pcma())
    first = AsyncFakeCamera(settings=CameraSettings(tracks=tracks))
    second = AsyncFakeCamera(settings=CameraSettings(tracks=tracks, seed=9))
    server = RtspServer(host="127.0.0.1", publish_port=0, rtp_port_start=own_port(0))

    async def both_seams(plays: Callable[[], Awaitable[None]]) -> None:
        await plays()
        await first.close()
        # Its silence would be noticed after 10 s only.
        await holds(lambda: server.sources[0].live == second.url, within_s=5)
        await plays()
        await first.start()
        await holds(lambda: server.sources[0].live == first.url)
        await plays()

    async with first, second, server:
        await server.add_source("/front", first.url, fallback=[second.url], transport="tcp")
        await server.wait_for_mount("/front", 20)
        yield server, both_seams


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_ffmpeg_plays_on_over_both_seams(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with front(monkeypatch) as (server, over_both_seams):
        player = await asyncio.create_subprocess_exec(
            *("ffmpeg", "-hide_banner", "-loglevel", "warning", "-rtsp_transport", transport),
            *("-i", server.play_url("/front"), "-t", str(PLAYED_S), "-f", "null", "-"),
            stderr=asyncio.subprocess.PIPE,
        )

        async def plays() -> None:
            await holds(lambda: server.mounts["/front"].readers_total == 1)
            await asyncio.sleep(1)
            assert player.returncode is None

        await over_both_seams(plays)
        async with asyncio.timeout(60):
            _, said = await player.communicate()
            code = await player.wait()
        readers = server.mounts["/front"].readers_total
    complaints = [
        line for line in said.decode().splitlines() if line.strip() and not SEAM.match(line)
    ]
    assert (code, complaints, readers) == (0, [], 1)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_gstreamer_plays_on_over_both_seams(
    transport: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pictures = tmp_path / "pictures.i420"
    async with front(monkeypatch) as (server, over_both_seams):
        url = server.play_url("/front")
        pipeline = f"rtspsrc location={url} protocols={transport} latency=200 ! rtph264depay "
        pipeline += "! h264parse ! avdec_h264 ! videoconvert ! video/x-raw,format=I420 "
        pipeline += f"! filesink buffer-mode=unbuffered async=false sync=false location={pictures}"
        player = Program(["gst-launch-1.0", *pipeline.split()], tmp_path / "gstreamer.log")
        with player:
            await over_both_seams(
                lambda: _more_pictures(
                    player,
                    lambda: pictures.stat().st_size // PICTURE_BYTES if pictures.exists() else 0,
                )
            )
        readers = server.mounts["/front"].readers_total
    assert readers == 1
    said = (tmp_path / "gstreamer.log").read_text(errors="replace")
    assert not re.search("error|warn", said, re.IGNORECASE), said


@pytest.mark.parametrize("transport", Transport)
async def test_vlc_plays_on_over_both_seams(
    transport: Transport,
    library: MediaLibrary,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    if reason := why_no_rtsp():
        pytest.skip(reason)
    media: Media = library.film("H.264+AAC").media
    size: Any = _PictureSize(media)
    async with front(monkeypatch) as (server, over_both_seams):
        options = TRANSPORT_OPTIONS[transport]
        with VlcPlayer(server.play_url("/front"), options, size, tmp_path) as player:
            await over_both_seams(
                lambda: _more_pictures(player.program, lambda: len(player.pictures))
            )
        readers = server.mounts["/front"].readers_total
    assert readers == 1


class _PictureSize:
    """The camera's pictures, with the recipe of a film."""

    i420_bytes = PICTURE_BYTES

    def __init__(self, media: Media) -> None:
        self.recipe = media.recipe


async def _more_pictures(player: Program, count: Callable[[], int]) -> None:
    """Wait until a player has shown ten pictures more than now."""
    before = count()
    await holds(lambda: not player.running or count() >= before + 10, within_s=40)
    assert player.running, player.last_lines()

"""Chromium itself as a viewer: pictures checked by what they show, sound by its loudness."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from chromium_browser import NEEDS_CHROMIUM, chromium, new_page
from numbered_film import BITS, FRAMES, end, film, publish
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from vlc_program import launcher, playground, why_no_rtsp
from waiting import holds

from headwater import RtspServer, Settings
from headwater.http.settings import HttpSettings
from headwater.webrtc.settings import WebRtcSettings

WITH_A_CAMERA = [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
pytestmark = [pytest.mark.interop, pytest.mark.timeout(120), NEEDS_CHROMIUM]

SEEN_S = 30.0
_HERE = Path(__file__).parent
_PAGES = {"/watch": "whep_page.html", "/publish": "whip_page.html"}


@pytest.fixture
async def server() -> AsyncIterator[RtspServer]:
    """A server with a page that watches `/front`."""
    settings = Settings(http=HttpSettings(port=0), webrtc=WebRtcSettings(port=0))
    async with RtspServer(host="127.0.0.1", publish_port=0, settings=settings) as running:

        async def page(request: Request) -> Response:
            policy = "default-src 'self' 'unsafe-inline' data:"
            text = (_HERE / _PAGES[request.url.path]).read_text()
            return HTMLResponse(text, headers={"Content-Security-Policy": policy})

        inner = running._running
        assert inner is not None
        assert inner.web is not None
        inner.web.door.add([Route(path, page) for path in _PAGES])
        yield running


async def looked_at(
    server: RtspServer, clip: Path, *, seconds: float = 4.0, until: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """Publish a film, watch it in Chromium; return what the page saw, and its errors.

    It is watched for some seconds, or until the page has seen something of this name.
    """
    publisher = await publish(clip, server.publish_url("/front"))
    try:
        await server.wait_for_mount("/front", 20)
        # By then a key frame has come: the viewer begins as most do.
        await asyncio.sleep(1.5)
        async with new_page("--autoplay-policy=no-user-gesture-required") as page:
            complaints: list[str] = []
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "console",
                lambda line: complaints.append(line.text) if line.type == "error" else None,
            )
            # A picture that never comes holds up the event `load` for ever.
            await page.goto(
                f"http://127.0.0.1:{server.http_port}/watch", wait_until="domcontentloaded"
            )
            if not until:
                await asyncio.sleep(seconds)
            seen: dict[str, Any] = await page.evaluate("window.seen()")
            # What Playwright waits for by itself is no promise, which is true whatever comes of it.
            async with asyncio.timeout(SEEN_S):
                while until and not seen[until]:
                    await asyncio.sleep(0.1)
                    seen = await page.evaluate("window.seen()")
            return seen, complaints
    finally:
        await end(publisher)


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_a_fake_camera_is_read_by_ffmpeg(server: RtspServer, codec: str) -> None:
    async with new_page(*WITH_A_CAMERA) as page:
        await page.goto(f"http://127.0.0.1:{server.http_port}/publish#{codec}")
        await server.wait_for_mount("/live", 20)
        reader = await asyncio.create_subprocess_exec(
            *["ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i"],
            server.play_url("/live"),
            *["-t", "3", "-map", "0:v", "-map", "0:a", "-c:v", "rawvideo", "-c:a", "pcm_s16le"],
            *["-f", "framecrc", "-"],
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            output, _ = await reader.communicate()
        seen = await page.evaluate("window.seen()")
    lines = [line.split(",") for line in output.decode().splitlines() if line[0] != "#"]
    pictures = {line[-1] for line in lines if line[0].strip() == "0"}
    sounds = [line for line in lines if line[0].strip() == "1"]
    assert (seen["status"], seen["error"], seen["state"]) == (201, "", "connected")
    assert len(pictures) >= 25, seen
    assert len(sounds) >= 50, seen
    assert seen["available"] > 1_000_000, seen


GSTREAMER = {"VP8": "rtpvp8depay ! vp8dec", "H264": "rtph264depay ! avdec_h264"}


@pytest.mark.skipif(shutil.which("gst-launch-1.0") is None, reason="no GStreamer here")
@pytest.mark.parametrize("codec", GSTREAMER)
async def test_a_fake_camera_is_read_by_gstreamer(
    server: RtspServer, tmp_path: Path, codec: str
) -> None:
    pictures, sound = tmp_path / "pictures.raw", tmp_path / "sound.raw"
    async with new_page(*WITH_A_CAMERA) as page:
        await page.goto(f"http://127.0.0.1:{server.http_port}/publish#{codec}")
        await server.wait_for_mount("/live", 20)
        reader = await asyncio.create_subprocess_exec(
            "gst-launch-1.0",
            *f"rtspsrc location={server.play_url('/live')} protocols=tcp name=s".split(),
            *f"s. ! application/x-rtp,media=video ! {GSTREAMER[codec]} ! videoscale".split(),
            *["!", "videoconvert", "!", "video/x-raw,format=GRAY8,width=160,height=120"],
            *f"! filesink buffer-mode=unbuffered location={pictures}".split(),
            *["s.", "!", "application/x-rtp,media=audio", "!", "rtpopusdepay", "!", "opusdec"],
            *f"! filesink buffer-mode=unbuffered location={sound}".split(),
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            for path, least_bytes in ((pictures, 30 * 160 * 120), (sound, 2 * 48_000)):
                await holds(
                    lambda: path.exists() and path.stat().st_size >= least_bytes,  # noqa: B023
                    within_s=60,
                )
        finally:
            await end(reader)
    raw = pictures.read_bytes()
    assert len({raw[place : place + 160 * 120] for place in range(0, len(raw), 160 * 120)}) > 20
    # The fake camera beeps.
    assert any(sound.read_bytes())


@pytest.mark.skipif(why_no_rtsp() is not None, reason="no VLC with a client for RTSP here")
@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_a_fake_camera_is_read_by_vlc(server: RtspServer, codec: str) -> None:
    async with new_page(*WITH_A_CAMERA) as page:
        await page.goto(f"http://127.0.0.1:{server.http_port}/publish#{codec}")
        await server.wait_for_mount("/live", 20)
        with playground() as ground:
            pictures, sound = ground / "pictures.tsv", ground / "sound.tsv"
            reader = await asyncio.create_subprocess_exec(
                *launcher(),
                *("--rtsp-tcp", server.play_url("/live"), "--sout-all", "--sout"),
                # Decoded, so that what it notes are pictures and sound, not packets.
                "#transcode{vcodec=mp1v,acodec=s16l}:duplicate{"
                f"dst=stats{{output={pictures}}},select=video,"
                f"dst=stats{{output={sound}}},select=audio}}",
                env={**os.environ, "HOME": str(ground)},
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                for path in (pictures, sound):
                    await holds(lambda: len(noted(path)) > 40, within_s=60)  # noqa: B023
            finally:
                await end(reader)
            shown = noted(pictures)
    assert len(set(shown)) > 20


def noted(table: Path) -> list[str]:
    """Checksums of what VLC noted in a table that grows."""
    if not table.exists():
        return []
    lines = table.read_text().splitlines()
    return [line.split("\t")[-1] for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("codec", ["VP9", "AV1"])
async def test_a_browser_watches_what_a_browser_publishes(server: RtspServer, codec: str) -> None:
    async with chromium(*WITH_A_CAMERA) as browser:
        publishing = await browser.new_page()
        await publishing.goto(f"http://127.0.0.1:{server.http_port}/publish#{codec}")
        await server.wait_for_mount("/live", 20)
        watching = await browser.new_page()
        await watching.goto(
            f"http://127.0.0.1:{server.http_port}/live", wait_until="domcontentloaded"
        )
        playing = (
            "() => { const p = document.querySelector('headwater-player');"
            "return p.dataset.state === 'playing'"
            " && p.video.getVideoPlaybackQuality().totalVideoFrames > 30; }"
        )
        await watching.wait_for_function(playing, timeout=60_000)
        status = await watching.evaluate("() => document.querySelector('headwater-player').status")
    assert status["way"] == "webrtc"
    assert {track["codec"] for track in status["about"]["tracks"]} == {codec, "Opus"}


def moving(numbers: list[int]) -> int:
    """How many pictures in a row came in their order; what was jumped over counts for nothing."""
    steps = [(b - a) % FRAMES for a, b in itertools.pairwise(numbers)]
    return sum(1 for step in steps if 0 < step < FRAMES // 10)


@pytest.mark.parametrize("video", ["h264", "vp8"])
@pytest.mark.parametrize("audio", ["opus", "pcmu"])
async def test_moving_pictures_and_sound(
    server: RtspServer, tmp_path: Path, video: str, audio: str
) -> None:
    seen, complaints = await looked_at(server, film(tmp_path, video, audio))
    assert not complaints
    assert seen["status"] == 201
    assert moving(seen["numbers"]) >= 40, seen
    assert seen["loudness"] > 0.01, seen
    assert seen["lost"] == 0, seen
    assert seen["cipher"] == "SRTP_AEAD_AES_128_GCM"
    first_ms = seen["first_ms"]
    sys.stdout.write(f"{video}+{audio}: first picture {first_ms:.0f} ms after the page began\n")


async def test_a_mount_with_aac_shows_its_pictures(server: RtspServer, tmp_path: Path) -> None:
    seen, complaints = await looked_at(server, film(tmp_path, "h264", "aac"))
    assert not complaints
    assert moving(seen["numbers"]) >= 40, seen
    assert seen["loudness"] == 0


async def test_b_frames_are_told_in_words(server: RtspServer, tmp_path: Path) -> None:
    seen, complaints = await looked_at(server, film(tmp_path, "h264-b", "aac"), until="problem")
    assert (seen["status"], seen["problem"]["code"]) == (406, "b_frames")
    assert [c for c in complaints if "406" not in c] == []


def test_numbers_fit() -> None:
    assert FRAMES <= 2**BITS

"""The page of a mount in Chromium: what it chooses, that pictures move, and that nothing fails."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from chromium_browser import NEEDS_CHROMIUM, new_page
from numbered_film import FRAMES, end, film, publish
from player_page import PLAYING

from headwater import MountSettings, RtspServer, Settings
from headwater.http.settings import HttpSettings
from headwater.media.settings import SoundByWebRtc
from headwater.webrtc.settings import WebRtcSettings

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120), NEEDS_CHROMIUM]
_LOOK = """() => {
    const context = new OffscreenCanvas(8, 1).getContext("2d", {willReadFrequently: true});
    const video = document.querySelector("headwater-player").video;
    window.numbers = [];
    const look = () => {
        context.drawImage(video, 0, 0, 8, 1);
        const pixels = context.getImageData(0, 0, 8, 1).data;
        let number = 0;
        for (let bit = 0; bit < 8; bit += 1) if (pixels[bit * 4] > 127) number += 1 << bit;
        window.numbers.push(number);
        video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
}"""
_MOVES = f"""() => {{
    const steps = window.numbers.slice(1).map(
        (number, place) => (number - window.numbers[place] + {FRAMES}) % {FRAMES});
    return steps.filter((step) => 0 < step && step < {FRAMES // 10}).length >= 40;
}}"""
"""Pictures in a row that came in their order, by the numbers that they show."""
_LOUD = """() => {
    const meter = document.querySelector("headwater-player").shadowRoot.querySelector(".meter i");
    return new DOMMatrix(getComputedStyle(meter).transform).a > 0.3;
}"""
"""The film's tone is heard: the bar of the meter has a length."""
_SEEN = """() => {
    const player = document.querySelector("headwater-player");
    const {about, ...status} = player.status;
    const quality = player.video.getVideoPlaybackQuality();
    return {...status, frames: quality.totalVideoFrames, at_s: player.video.currentTime,
            urls: document.querySelectorAll("#urls li").length};
}"""


@pytest.fixture
async def server(request: pytest.FixtureRequest) -> AsyncIterator[RtspServer]:
    """A server with a port for browsers, and what the test sets of its mounts."""
    mounts: MountSettings = getattr(request, "param", MountSettings())
    settings = Settings(http=HttpSettings(port=0), webrtc=WebRtcSettings(port=0), mounts=mounts)
    async with RtspServer(host="127.0.0.1", publish_port=0, settings=settings) as running:
        yield running


async def watched(
    server: RtspServer, clip: Path, ways: str = ""
) -> tuple[dict[str, Any], list[str], set[str]]:
    """Publish a film and open its page; return what the page says, complaints, and hosts asked."""
    publisher = await publish(clip, server.publish_url("/front"))
    try:
        await server.wait_for_mount("/front", 20)
        async with new_page() as page:
            complaints: list[str] = []
            hosts: set[str] = set()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "console",
                lambda line: complaints.append(line.text) if line.type == "error" else None,
            )
            page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
            url = f"http://127.0.0.1:{server.http_port}/front"
            await page.goto(url, wait_until="domcontentloaded")
            if ways:
                chosen = "document.querySelector('headwater-player').setAttribute('ways', '{}')"
                await page.evaluate(chosen.format(ways))
            await page.wait_for_function(PLAYING, timeout=40_000)
            await page.evaluate(_LOOK)
            await page.wait_for_function(_MOVES, timeout=40_000)
            await page.click("headwater-player .unmute")
            await page.wait_for_function(_LOUD, timeout=40_000)
            # The page looks at its player once a second.
            await asyncio.sleep(1.5)
            seen: dict[str, Any] = await page.evaluate(_SEEN)
            return seen, complaints, {host for host in hosts if host}
    finally:
        await end(publisher)


@pytest.mark.parametrize(
    ("video", "audio", "ways", "way"),
    [
        ("h264", "opus", "", "webrtc"),
        ("vp8", "opus", "", "webrtc"),
        ("h264", "aac", "", "mse"),
        ("h264-b", "aac", "", "mse"),
        ("h264", "pcmu", "mse", "mse"),
        ("h264", "aac", "hls", "hls"),
        ("h264-b", "aac", "hls", "hls"),
    ],
)
async def test_the_page_plays_by_the_way_that_fits(
    server: RtspServer, tmp_path: Path, video: str, audio: str, ways: str, way: str
) -> None:
    seen, complaints, hosts = await watched(server, film(tmp_path, video, audio), ways)
    assert complaints == []
    assert hosts == {f"127.0.0.1:{server.http_port}"}
    assert (seen["state"], seen["way"]) == ("playing", way)
    assert seen["urls"] >= 6
    reasons = " ".join(one["reason"] for one in seen["tried"])
    if not ways and audio == "aac":
        assert ("B-frames" if video == "h264-b" else "without sound") in reasons
    latency_s = seen["latency_s"]
    assert latency_s is not None
    sys.stdout.write(f"{video}+{audio} by {way}: {latency_s * 1000:.0f} ms behind live\n")


@pytest.mark.parametrize(
    ("audio", "way", "server"),
    [
        ("opus", "webrtc", MountSettings()),
        ("aac", "mse", MountSettings()),
        ("aac", "webrtc", MountSettings(audio=SoundByWebRtc.OPUS)),
    ],
    indirect=["server"],
    ids=["opus by WebRTC", "AAC by MSE", "AAC made to Opus by WebRTC"],
)
async def test_sound_is_off_until_it_is_touched(
    server: RtspServer, tmp_path: Path, audio: str, way: str
) -> None:
    publisher = await publish(film(tmp_path, "h264", audio), server.publish_url("/front"))
    try:
        await server.wait_for_mount("/front", 20)
        async with new_page() as page:
            url = f"http://127.0.0.1:{server.http_port}/front"
            await page.goto(url, wait_until="domcontentloaded")
            await page.wait_for_selector("headwater-player[data-state=playing]", timeout=40_000)
            muted = "document.querySelector('headwater-player').video.muted"
            assert await page.evaluate(muted)
            assert await page.locator("headwater-player .meter").is_hidden()
            await page.click("headwater-player .unmute")
            assert not await page.evaluate(muted)
            await page.wait_for_function(_LOUD, timeout=20_000)
            seen: dict[str, Any] = await page.evaluate(_SEEN)
    finally:
        await end(publisher)
    assert seen["way"] == way


async def test_keys_do_what_buttons_do(server: RtspServer, tmp_path: Path) -> None:
    publisher = await publish(film(tmp_path, "h264", "opus"), server.publish_url("/front"))
    try:
        await server.wait_for_mount("/front", 20)
        async with new_page() as page:
            url = f"http://127.0.0.1:{server.http_port}/front"
            await page.goto(url, wait_until="domcontentloaded")
            await page.wait_for_selector("headwater-player[data-state=playing]", timeout=40_000)
            await page.keyboard.press("Tab")
            video = "document.querySelector('headwater-player').video"
            await page.keyboard.press("m")
            await page.wait_for_function(f"() => !{video}.muted")
            await page.keyboard.press("k")
            await page.wait_for_function(f"() => {video}.paused")
            await page.keyboard.press("f")
            await page.wait_for_function("() => document.fullscreenElement !== null")
            names = await page.locator("headwater-player button").evaluate_all(
                "buttons => buttons.map(one => one.getAttribute('aria-label') || one.textContent)"
            )
    finally:
        await end(publisher)
    assert all(names)


async def test_a_page_waits_for_its_publisher(server: RtspServer, tmp_path: Path) -> None:
    clip = film(tmp_path, "h264", "opus")
    async with new_page() as page:
        url = f"http://127.0.0.1:{server.http_port}/front"
        await page.goto(url, wait_until="domcontentloaded")
        await page.wait_for_selector("headwater-player[data-state=waiting]")
        assert await page.is_hidden("#live")
        publisher = await publish(clip, server.publish_url("/front"))
        try:
            await page.wait_for_selector("headwater-player[data-state=playing]", timeout=40_000)
            await page.wait_for_selector("#live", timeout=40_000)
            seen: dict[str, Any] = await page.evaluate(_SEEN)
        finally:
            await end(publisher)
    assert seen["frames"] > 0


@pytest.mark.parametrize("server", [MountSettings(grace_s=0)], indirect=True, ids=[""])
@pytest.mark.parametrize("way", ["webrtc", "mse", "hls"])
async def test_a_page_finds_a_publisher_that_comes_again(
    server: RtspServer, tmp_path: Path, way: str
) -> None:
    clip = film(tmp_path, "h264", "opus")
    publisher = await publish(clip, server.publish_url("/front"))
    try:
        await server.wait_for_mount("/front", 20)
        async with new_page() as page:
            url = f"http://127.0.0.1:{server.http_port}/front"
            await page.goto(url, wait_until="domcontentloaded")
            chosen = "way => document.querySelector('headwater-player').setAttribute('ways', way)"
            await page.evaluate(chosen, way)
            await page.wait_for_function(PLAYING, timeout=40_000)
            await end(publisher)
            # What was there is shown to its end, then the page says that it waits.
            await page.wait_for_selector("headwater-player[data-state=waiting]", timeout=60_000)
            publisher = await publish(clip, server.publish_url("/front"))
            await page.wait_for_selector("headwater-player[data-state=playing]", timeout=60_000)
            await page.evaluate(_LOOK)
            await page.wait_for_function(_MOVES, timeout=40_000)
            seen: dict[str, Any] = await page.evaluate(_SEEN)
    finally:
        await end(publisher)
    assert seen["way"] == way


async def test_a_name_that_is_a_script_runs_nothing(server: RtspServer) -> None:
    async with new_page() as page:
        ran: list[str] = []
        page.on("dialog", lambda dialog: ran.append(dialog.message))
        name = "%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E%3Cscript%3Ealert(2)%3C%2Fscript%3E"
        url = f"http://127.0.0.1:{server.http_port}/{name}"
        await page.goto(url, wait_until="domcontentloaded")
        await page.wait_for_selector("headwater-player[data-state=waiting]")
        heading = await page.text_content("h1")
    assert ran == []
    assert heading == '"><img src=x onerror=alert(1)><script>alert(2)</script>'


async def test_ffmpeg_reads_the_playlist(server: RtspServer, tmp_path: Path) -> None:
    publisher = await publish(film(tmp_path, "h264-b", "aac"), server.publish_url("/front"))
    try:
        await server.wait_for_mount("/front", 20)
        reader = await asyncio.create_subprocess_exec(
            *["ffmpeg", "-nostdin", "-v", "error", "-i"],
            f"http://127.0.0.1:{server.http_port}/front/index.m3u8",
            *["-t", "6", "-map", "0:v", "-map", "0:a", "-c:v", "rawvideo", "-c:a", "pcm_s16le"],
            *["-f", "framecrc", "-"],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            output, said = await reader.communicate()
    finally:
        await end(publisher)
    lines = [line.split(",") for line in output.decode().splitlines() if line[0] != "#"]
    pictures = {line[-1] for line in lines if line[0].strip() == "0"}
    sounds = [line for line in lines if line[0].strip() == "1"]
    assert said.decode() == ""
    assert len(pictures) >= 100
    assert len(sounds) >= 200

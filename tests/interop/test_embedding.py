"""The player in pages of other sites, and on screens of all sizes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from chromium_browser import NEEDS_CHROMIUM, new_page
from numbered_film import end, film, publish
from player_page import PLAYING

from headwater import RtspServer, Settings
from headwater.http.settings import HttpSettings
from headwater.webrtc.settings import WebRtcSettings

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120), NEEDS_CHROMIUM]


@dataclass
class OtherSite:
    """A page of another origin, which has whatever stands in `body`."""

    url: str = ""
    body: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer each request by the page."""
        await reader.readuntil(b"\r\n\r\n")
        page = f"<!doctype html><link rel=icon href='data:,'>{self.body}".encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + page)
        await writer.drain()
        writer.close()


@pytest.fixture
async def other() -> AsyncIterator[OtherSite]:
    """The other site."""
    site = OtherSite()
    async with await asyncio.start_server(site.answer, "127.0.0.1", 0) as listening:
        site.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield site


@pytest.fixture
async def server(other: OtherSite, tmp_path: Path) -> AsyncIterator[RtspServer]:
    """A server that the other site may use, and a film on it."""
    settings = Settings(
        http=HttpSettings(port=0, allowed_origins=(other.url,)), webrtc=WebRtcSettings(port=0)
    )
    async with RtspServer(host="127.0.0.1", publish_port=0, settings=settings) as running:
        publisher = await publish(film(tmp_path, "h264", "opus"), running.publish_url("/front"))
        try:
            await running.wait_for_mount("/front", 20)
            yield running
        finally:
            await end(publisher)


@pytest.mark.parametrize("way", ["webrtc", "mse", "hls"])
async def test_the_element_plays_in_a_page_of_another_site(
    server: RtspServer, other: OtherSite, way: str
) -> None:
    base = f"http://127.0.0.1:{server.http_port}"
    other.body = (
        f'<script type="module" src="{base}/-/headwater-player.js"></script>'
        f'<headwater-player src="{base}/front" ways="{way}"></headwater-player>'
    )
    async with new_page() as page:
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(other.url, wait_until="domcontentloaded")
        await page.wait_for_selector("headwater-player[data-state=playing]", timeout=40_000)
        await page.wait_for_function(PLAYING, timeout=40_000)
        status = await page.evaluate("document.querySelector('headwater-player').status")
    assert complaints == []
    assert status["way"] == way


async def test_the_page_plays_in_a_frame_of_another_site(
    server: RtspServer, other: OtherSite
) -> None:
    address = f"http://127.0.0.1:{server.http_port}/front?embed"
    other.body = f'<iframe src="{address}" allow="autoplay; fullscreen" width=640></iframe>'
    async with new_page() as page:
        await page.goto(other.url, wait_until="domcontentloaded")
        player = page.frame_locator("iframe").locator("headwater-player[data-state=playing]")
        await player.wait_for(timeout=40_000)
        [_, frame] = page.frames
        await frame.wait_for_function(PLAYING, timeout=40_000)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 820, 390])
async def test_the_page_fits_every_screen(server: RtspServer, width: int, theme: str) -> None:
    async with new_page(viewport={"width": width, "height": 844}, color_scheme=theme) as page:
        url = f"http://127.0.0.1:{server.http_port}/front"
        await page.goto(url, wait_until="domcontentloaded")
        await page.wait_for_selector("headwater-player[data-state=playing]", timeout=40_000)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        box = await page.locator("headwater-player").bounding_box()
        background = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert box is not None
    assert 0 <= box["x"] < box["x"] + box["width"] <= width
    # The picture is what one sees first, without scrolling.
    assert box["y"] + box["height"] <= 844
    lightness = sum(int(part) for part in background.strip("rgba()").split(",")[:3]) / 3
    assert (lightness > 128) is (theme == "light")

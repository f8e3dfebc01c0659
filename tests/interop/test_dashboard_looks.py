"""The dashboard in all sizes and themes, with no, one, a dozen and hundreds of streams."""

from __future__ import annotations

import pytest

pytest.importorskip("axe_playwright_python")

from chromium_browser import chromium
from dashboard_page import SIZES, Dashboard, dashboard
from dashboard_server import FOR_EVER, MARKS, Start, all_send, start
from film_camera import film_camera
from published_film import description

pytestmark = MARKS
__all__ = ["start"]
THEMES = ("light", "dark")
NOTHING_LISTENS = "rtsp://127.0.0.1:1/stream"


async def looks_well(seen: Dashboard, name: str, *, whole: bool = False) -> None:
    """Look at what is in sight: axe finds nothing serious, nothing scrolls sideways; keep it."""
    assert await seen.serious_faults() == []
    assert await seen.scrolls_sideways() == []
    await seen.picture(name, whole=whole)


@pytest.mark.parametrize("width", SIZES)
async def test_nothing(start: Start, width: int) -> None:
    server = await start()
    async with chromium() as browser:
        for theme in THEMES:
            async with dashboard(browser, server, width=width, theme=theme) as seen:
                await seen.page.wait_for_selector(".teach")
                await looks_well(seen, f"0-{width}-{theme}", whole=True)
                assert seen.complaints == []


@pytest.mark.parametrize("width", SIZES)
async def test_one_stream(start: Start, width: int) -> None:
    server = await start(mounts=FOR_EVER)
    cameras = [film_camera(server, path="/front-door")]
    async with chromium() as browser, all_send(cameras):
        for theme in THEMES:
            async with dashboard(browser, server, width=width, theme=theme) as seen:
                await seen.wait_for_pictures_in_sight()
                await looks_well(seen, f"1-{width}-{theme}")
                assert seen.complaints == []


@pytest.mark.parametrize("width", SIZES)
async def test_a_dozen_streams(start: Start, width: int) -> None:
    away = {"cams/parking": {"source": NOTHING_LISTENS}}
    server = await start(away, mounts=FOR_EVER)
    cameras = [film_camera(server, path=f"/cams/{number}") for number in range(10)]
    server.publish("/talk", description("opus"))
    async with chromium() as browser, all_send(cameras):
        for theme in THEMES:
            async with dashboard(browser, server, width=width, theme=theme) as seen:
                page = seen.page
                await page.wait_for_function(
                    "() => document.querySelectorAll('.card').length === 12"
                )
                await seen.wait_for_pictures_in_sight()
                await looks_well(seen, f"12-{width}-{theme}")
                await page.get_by_role("button", name="Details").first.click()
                await page.locator(".details .addresses code").first.wait_for()
                await looks_well(seen, f"details-{width}-{theme}")
                await page.keyboard.press("Escape")
                await page.get_by_role("button", name="Add a camera").click()
                await page.get_by_label("Path").wait_for()
                await looks_well(seen, f"add-{width}-{theme}")
                await page.keyboard.press("Escape")
                await page.get_by_role("button", name="Log", exact=True).click()
                await page.locator(".log li").first.wait_for()
                assert await seen.scrolls_sideways() == []
                await seen.picture(f"log-{width}-{theme}")
                assert seen.complaints == []


@pytest.mark.parametrize("width", SIZES)
async def test_hundreds_of_streams(start: Start, width: int) -> None:
    server = await start(mounts=FOR_EVER)
    cameras = [
        film_camera(server, path=f"/site-{number // 25 + 1}/cam-{number % 25 + 1}")
        for number in range(300)
    ]
    async with chromium() as browser, all_send(cameras):
        for theme in THEMES:
            async with dashboard(browser, server, width=width, theme=theme) as seen:
                page = seen.page
                await page.wait_for_function(
                    "() => document.querySelectorAll('.card').length === 300"
                )
                await seen.wait_for_pictures_in_sight()
                assert await seen.scrolls_sideways() == []
                await seen.picture(f"300-{width}-{theme}")
                assert seen.complaints == []

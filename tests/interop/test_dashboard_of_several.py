"""The dashboard of several processes that are one server: workers, and nodes of a cluster."""

from __future__ import annotations

import shutil
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

pytest.importorskip("axe_playwright_python")

from chromium_browser import chromium
from cluster_processes import cluster_processes
from dashboard_page import SIZES, Dashboard, dashboard
from dashboard_server import MARKS, all_send
from ffmpeg_publisher import encoded
from film_camera import film_camera
from fleet_rig import Rig, rig, settings_of
from playing_readers import FfmpegReader
from playwright.async_api import expect
from redis_server import PROGRAM, RedisServer, redis_server

pytestmark = MARKS
__all__ = ["redis_server", "rig"]
THEMES = ("light", "dark")


@dataclass(frozen=True)
class OfWorkers:
    """Where a fleet serves browsers."""

    http_port: int | None


async def leads_to(seen: Dashboard, name: str) -> None:
    """The button leads to the table, by the keyboard too."""
    await seen.page.get_by_role("button", name=name, exact=True).press("Enter")
    await seen.page.wait_for_function(f"() => document.activeElement.id === '{name.lower()}'")
    await expect(seen.page.locator(f"#{name.lower()}-title")).to_be_in_viewport()


@pytest.mark.parametrize("width", SIZES)
async def test_several_workers_are_one_server_with_a_table_of_them(rig: Rig, width: int) -> None:
    base = settings_of()
    fleet = await rig.started(
        replace(base, http=replace(base.http, port=0), webrtc=replace(base.webrtc, port=0))
    )
    cameras = [
        film_camera(rig.workers[number % 2].running, path=f"/cams/{number}") for number in range(4)
    ]
    async with chromium() as browser, all_send(cameras):
        for theme in THEMES:
            async with dashboard(
                browser, OfWorkers(fleet.ports.http), width=width, theme=theme
            ) as seen:
                page = seen.page
                await page.wait_for_function(
                    "() => document.querySelectorAll('.card').length === 4"
                )
                await seen.wait_for_pictures_in_sight()
                rows = page.locator("#workers").get_by_role("row")
                heads = rows.get_by_role("rowheader")
                assert await heads.all_inner_texts() == ["worker-1", "worker-2"]
                # What each takes of a core is told from the second look on.
                await page.locator("#workers td", has_text="%").first.wait_for()
                await leads_to(seen, "Workers")
                assert not await page.get_by_role("button", name="Nodes").is_visible()
                assert await seen.serious_faults() == []
                assert await seen.scrolls_sideways() == []
                await seen.picture(f"workers-{width}-{theme}", whole=True)
                assert seen.complaints == []


@pytest.mark.timeout(600)
@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"needs {PROGRAM}")
async def test_nodes_of_a_cluster_are_a_table(redis_server: RedisServer, tmp_path: Path) -> None:
    async with (
        cluster_processes(redis_server, tmp_path, browsers=True) as cluster,
        AsyncExitStack() as peers,
    ):
        first, second, third = cluster.nodes
        for node, path in ((first, "/gate"), (first, "/yard"), (second, "/lobby")):
            await peers.enter_async_context(encoded(node.url(path)))
            await cluster.until_filled(path, node.name)
        reader = await FfmpegReader.start(third.url("/gate"))
        peers.push_async_callback(reader.close)
        await reader.plays_on(1)
        browser = await peers.enter_async_context(chromium())
        for width in SIZES:
            for theme in THEMES:
                async with dashboard(browser, first, width=width, theme=theme) as seen:
                    page = seen.page
                    await seen.wait_for_state("/gate", "live")
                    assert await page.locator(".card").count() == 2
                    await seen.wait_for_pictures_in_sight()
                    table = page.get_by_role("table", name="Nodes of the cluster")
                    rows = table.get_by_role("row")
                    heads = await rows.get_by_role("rowheader").all_inner_texts()
                    assert heads == [f"{first.name} (this one)", second.name, third.name]
                    fields = rows.nth(3).get_by_role("cell")
                    # It has no stream of its own, and takes the one that is watched there.
                    await seen.wait_for_text(fields.nth(5), "1")
                    await seen.wait_for_text(fields.nth(2), "1")
                    assert await fields.nth(4).text_content() == "1", "workers"
                    assert await fields.nth(8).text_content() == third.url("")
                    await leads_to(seen, "Nodes")
                    assert await seen.serious_faults() == []
                    assert await seen.scrolls_sideways() == []
                    await seen.picture(f"nodes-{width}-{theme}", whole=True)
                    assert seen.complaints == []
        # Who takes the stream shows it as well, and who has gone leaves the table.
        async with dashboard(browser, third) as seen:
            await seen.wait_for_state("/gate", "live")
            rows = seen.page.locator("#nodes tbody tr")
            assert await rows.count() == 3
            await second.kill()
            await expect(rows).to_have_count(2, timeout=90_000)
            assert seen.complaints == []

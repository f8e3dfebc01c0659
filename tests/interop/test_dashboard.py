"""The dashboard clicked through in Chromium, with real cameras, publishers and readers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("axe_playwright_python")

from chromium_browser import chromium
from dashboard_page import dashboard
from dashboard_server import FOR_EVER, MARKS, Start, start
from film_camera import film_camera
from numbered_film import end, film, publish
from own_ports import own_port
from published_film import description

from headwater import AccessSettings, RtspServer, Settings, UserSettings
from headwater.api.settings import ApiSettings
from headwater.http.settings import HttpSettings
from headwater.webrtc.settings import WebRtcSettings

pytestmark = MARKS
USERS = AccessSettings(
    users=(
        UserSettings(
            name="root",
            password="secret",
            publish=("**",),
            read=("**",),
            look=("**",),
            control=("**",),
        ),
        UserSettings(name="guard", password="hidden", read=("yard/*",), look=("yard/*",)),
    ),
    anonymous_publish=("**",),
)
MANY = 300
HOSTILE = '/<img src=x onerror="alert(1)">'
__all__ = ["start"]
GROUND = "getComputedStyle(document.body).backgroundColor"
DARK, LIGHT = "rgb(14, 19, 24)", "rgb(244, 246, 248)"
PLAYER_DARK = "rgb(16, 21, 27)"


@dataclass(frozen=True)
class Elsewhere:
    """A server in another process."""

    publish_port: int
    http_port: int | None


async def read(url: str, agent: str = "reader") -> asyncio.subprocess.Process:
    """Read a stream with ffmpeg, which calls itself so, until it is sent away."""
    return await asyncio.create_subprocess_exec(
        *["ffmpeg", "-nostdin", "-v", "quiet", "-user_agent", agent],
        *["-rtsp_transport", "tcp", "-i", url],
        *["-c", "copy", "-f", "null", "-"],
    )


async def test_a_camera_is_added_watched_changed_and_removed(start: Start, tmp_path: Path) -> None:
    camera, server = await start(), await start()
    publisher = await publish(film(tmp_path, "h264", "opus"), camera.publish_url("/lens"))
    await camera.wait_for_mount("/lens", 20)
    try:
        async with chromium() as browser, dashboard(browser, server) as seen:
            page = seen.page
            await seen.picture("empty")
            await page.locator(".teach").get_by_role("button", name="Add a camera").click()
            await page.get_by_label("Path").fill("gate")
            await page.get_by_label("Address of the camera").fill("rtsp://10.1.2.3/lens")
            await page.get_by_role("button", name="Add", exact=True).click()
            # The owner has not allowed that network, and the form says what to do.
            await page.get_by_text("api.source_networks").wait_for()
            await seen.picture("add-refused")
            url = camera.play_url("/lens").replace("://", "://me:secret@")
            await page.get_by_label("Address of the camera").fill(url)
            await page.get_by_role("button", name="Add", exact=True).click()
            await seen.wait_for_state("/gate", "live")
            await seen.wait_for_moving_picture("/gate")
            await seen.picture("camera-added")
            assert "secret" not in await page.content()

            await seen.card("/gate").get_by_role("button", name="Details").click()
            await page.locator(".details").get_by_role("button", name="Change").click()
            shown = await page.get_by_label("Address of the camera").input_value()
            assert shown == url.replace("me:secret", "…")
            await page.get_by_label("Media comes by").select_option("tcp")
            await page.get_by_role("button", name="Save").click()
            await page.get_by_text("gate is changed.").first.wait_for()
            await seen.wait_for_state("/gate", "live")

            await page.locator(".details").get_by_role("link", name="Watch").click()
            await page.wait_for_selector("headwater-player[data-state=playing]", timeout=40_000)
            await page.go_back()
            await seen.wait_for_state("/gate", "live")
            await seen.card("/gate").get_by_role("button", name="Details").click()
            await page.locator(".details").get_by_role("button", name="Remove").click()
            await page.get_by_role("alertdialog").get_by_role("button", name="Remove").click()
            await page.wait_for_selector(".teach")
            assert seen.complaints == []
            hosts = {url.split("/")[2] for url in seen.asked if url.startswith("http")}
            assert hosts == {f"127.0.0.1:{server.http_port}"}
    finally:
        await end(publisher)


async def test_peers_are_sent_away_and_publishers_come_back(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "headwater")
    server, clip = await start(), film(tmp_path, "h264", "opus")
    publisher = await publish(clip, server.publish_url("/front"))
    await server.wait_for_mount("/front", 20)
    reader = await read(server.play_url("/front"))
    try:
        async with chromium() as browser, dashboard(browser, server) as seen:
            page = seen.page
            await seen.wait_for_state("/front", "live")
            await seen.card("/front").get_by_role("button", name="Details").click()
            away = page.locator(".details .readers").get_by_role("button", name="Send")
            await away.wait_for(timeout=20_000)
            await seen.picture("details")
            await away.click()
            async with asyncio.timeout(20):
                await reader.wait()
            await page.locator(".details .readers h3", has_text="0 readers").wait_for()

            await (
                page.locator(".details .publisher").get_by_role("button", name="Send away").click()
            )
            await page.get_by_role("alertdialog").get_by_role("button", name="Send away").click()
            async with asyncio.timeout(20):
                await publisher.wait()
            await seen.wait_for_state("/front", "waiting")
            await page.get_by_text("the publisher is gone").first.wait_for()
            await page.get_by_role("button", name="Close the details").click()
            await seen.picture("publisher-gone")
            publisher = await publish(clip, server.publish_url("/front"))
            await seen.wait_for_state("/front", "live")

            await page.get_by_role("button", name="Log", exact=True).click()
            await page.locator(".log li", has_text="/front").first.wait_for()
            assert await seen.serious_faults() == []
            await seen.picture("log")
            assert seen.complaints == []
    finally:
        await end(publisher)
        await end(reader)


async def test_who_logs_in_sees_and_may_what_is_theirs(start: Start) -> None:
    server = await start(access=USERS)
    for path in ("/yard/north", "/lobby"):
        film_camera(server, path=path).send(30)
    async with chromium() as browser, dashboard(browser, server) as seen:
        page = seen.page
        assert await seen.serious_faults() == []
        await seen.picture("login")
        await page.get_by_label("User", exact=True).fill("guard")
        await page.get_by_label("Password").fill("guess")
        await page.get_by_role("button", name="Log in").click()
        await page.get_by_text("Wrong user or password.").wait_for()
        await page.get_by_label("Password").fill("hidden")
        await page.get_by_role("button", name="Log in").click()
        await seen.card("/yard/north").wait_for()
        assert await page.locator(".card").count() == 1
        for name in ("Add a camera", "Log"):
            assert not await page.get_by_role("button", name=name, exact=True).is_visible()
        await page.get_by_role("button", name="Details").click()
        await page.locator(".details .publisher h3").wait_for()
        assert await page.get_by_role("button", name="Send away").count() == 0
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Log out").click()
        await page.get_by_label("User", exact=True).fill("root")
        await page.get_by_label("Password").fill("secret")
        await page.keyboard.press("Enter")
        await seen.card("/lobby").wait_for()
        assert await page.locator(".card").count() == 2
        assert await page.get_by_role("button", name="Add a camera").is_visible()
        await page.reload()
        await seen.card("/lobby").wait_for()
        cookies = await page.context.cookies()
        assert [cookie["httpOnly"] for cookie in cookies] == [True]
        assert seen.complaints == []


async def test_without_users_a_stranger_is_told_why(start: Start) -> None:
    server = await start()
    headers = {"X-Forwarded-For": "192.0.2.7"}
    async with (
        chromium() as browser,
        dashboard(browser, server, extra_http_headers=headers) as seen,
    ):
        await seen.page.get_by_text("answers to this machine alone").wait_for()
        await seen.page.get_by_text("[[access.users]]").wait_for()
        assert await seen.serious_faults() == []
        await seen.picture("stranger")
        assert seen.complaints == []


async def test_three_hundred_mounts(start: Start) -> None:
    server = await start()
    cameras = [
        film_camera(server, path=f"/site-{n // 25 + 1}/cam-{n % 25 + 1}") for n in range(MANY)
    ]

    async def send() -> None:
        while True:
            for at in range(0, MANY, 10):
                for camera in cameras[at : at + 10]:
                    camera.send()
                await asyncio.sleep(0.01)

    sending = asyncio.create_task(send())
    try:
        async with chromium() as browser, dashboard(browser, server) as seen:
            page = seen.page
            await page.wait_for_function(
                f"() => document.querySelectorAll('.card').length === {MANY}"
            )
            await seen.wait_for_moving_picture("/site-1/cam-1")
            in_sight = await page.evaluate(
                "[...document.querySelectorAll('.card')].filter((card) =>"
                " card.getBoundingClientRect().top < innerHeight + 120).length"
            )
            pictured = {url.split("/snapshot")[0] for url in seen.asked if "/snapshot.jpg" in url}
            assert 0 < len(pictured) <= in_sight < 40
            await page.keyboard.press("/")
            await page.keyboard.type("site-12 cam-7")
            await page.wait_for_function(
                "() => document.querySelectorAll('.card:not([hidden])').length === 1"
            )
            assert await seen.card("/site-12/cam-7").is_visible()
            await page.keyboard.press("Escape")
            await page.get_by_role("button", name="Not live").click()
            await page.get_by_text("Nothing fits this search.").wait_for()
            await page.get_by_role("button", name="All").click()
            await seen.wait_for_moving_picture("/site-1/cam-2")
            await seen.picture("three-hundred")
            # They are news of one stream: nothing is asked for each mount but its picture.
            others = [url for url in seen.asked if "/v1/" in url and "/snapshot.jpg" not in url]
            assert others == [f"{seen.url}v1/board"]
            assert seen.complaints == []
    finally:
        sending.cancel()


async def test_names_and_programs_of_peers_are_text(start: Start) -> None:
    server = await start()
    server.publish(HOSTILE, description("h264", "opus"))
    server.publish('/"><script>alert(2)</script>', description("pcmu"))
    server.publish("/read", description("pcmu"))
    agent = "<script>alert(3)</script><img src=x onerror=alert(4)>"
    reader = await read(server.play_url("/read"), agent)
    async with chromium() as browser, dashboard(browser, server) as seen:
        page = seen.page
        await page.get_by_text(HOSTILE[1:]).first.wait_for()
        for button in await page.get_by_role("button", name="Details").all():
            await button.click()
            await page.locator(".details .addresses code").first.wait_for()
            await page.keyboard.press("Escape")
        await page.wait_for_function(
            '() => document.querySelector(\'.card[data-path="/read"] [title="1 reader"]\') !== null'
        )
        await seen.card("/read").get_by_role("button", name="Details").click()
        await page.locator(".details .peers dd", has_text=agent).wait_for()
        await page.keyboard.press("Escape")
        assert await page.locator(".cards script, .cards img[src=x], .details script").count() == 0
        await seen.picture("hostile-names")
        assert seen.complaints == []
    await end(reader)


@pytest.mark.parametrize("access", [AccessSettings(), USERS], ids=["local", "users"])
async def test_an_open_page_comes_back_with_the_server(access: AccessSettings) -> None:
    port = own_port(0)
    settings = Settings(
        http=HttpSettings(port=port),
        webrtc=WebRtcSettings(port=0),
        access=access,
        mounts=FOR_EVER,
        api=ApiSettings(sources_file=""),
    )

    def made() -> RtspServer:
        return RtspServer(host="127.0.0.1", publish_port=0, settings=settings)

    server = made()
    await server.start()
    try:
        film_camera(server, path="/before").send(30)
        async with chromium() as browser, dashboard(browser, server) as seen:
            page = seen.page
            if access.users:
                await log_in(page)
            await seen.card("/before").wait_for()
            await server.stop()
            await page.get_by_text("The server does not answer. What is shown is old.").wait_for()
            await seen.picture(f"server-gone-{'users' if access.users else 'local'}")
            server = made()
            await server.start()
            film_camera(server, path="/after").send(30)
            if access.users:
                # Logins end with the server: who was there is asked again, on the same page.
                await log_in(page)
            await seen.card("/after").wait_for(timeout=40_000)
            assert await seen.card("/before").count() == 0
            # What the server says of itself (a busy machine, say) may be there besides.
            told = ".notice[data-name=answer], .old"
            await page.wait_for_function(f"() => !document.querySelector('{told}')")
            # Chromium writes a line for each request that meets no server, whatever the way.
            assert [line for line in seen.complaints if "net::ERR_" not in line] == []
    finally:
        await server.stop()


async def log_in(page: Any) -> None:
    """Log in by the form, once it is there."""
    await page.get_by_label("User", exact=True).fill("root", timeout=40_000)
    await page.get_by_label("Password").fill("secret")
    await page.get_by_role("button", name="Log in").click()


@contextlib.asynccontextmanager
async def without_media() -> AsyncIterator[Elsewhere]:
    """A server that finds no PyAV, in a process of its own."""
    serve = Path(__file__).with_name("serve.py")
    program = (
        "import runpy, sys; sys.modules['av'] = None; sys.argv[:1] = []; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    sections = {"http": {"port": 0}, "webrtc": {"port": 0}, "publish_port": 0}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(serve), json.dumps(sections)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(40):
            told = json.loads(await process.stdout.readline())
        yield Elsewhere(told["publish_port"], told["http_port"])
    finally:
        process.stdin.close()
        async with asyncio.timeout(40):
            await process.wait()


async def test_a_server_without_the_media_extra_says_what_pictures_need(tmp_path: Path) -> None:
    async with without_media() as server:
        url = f"rtsp://127.0.0.1:{server.publish_port}/front"
        publisher = await publish(film(tmp_path, "h264", "opus"), url)
        try:
            async with chromium() as browser, dashboard(browser, server) as seen:
                await seen.wait_for_state("/front", "live")
                words = "Pictures need the extra “media” on the server"
                await seen.card("/front").get_by_text(words).wait_for(timeout=40_000)
                await seen.picture("without-media")
                assert await seen.serious_faults() == []
                # It is asked once, and not again and again.
                asked = [each for each in seen.asked if "/snapshot.jpg" in each]
                assert len(asked) == 1
                await seen.card("/front").get_by_role("link", name="front").click()
                await seen.page.wait_for_selector(
                    "headwater-player[data-state=playing]", timeout=40_000
                )
        finally:
            await end(publisher)


async def test_a_theme_is_chosen_and_kept(start: Start) -> None:
    server = await start(mounts=FOR_EVER)
    camera = film_camera(server, path="/front")
    camera.send(30)
    async with chromium() as browser, dashboard(browser, server, theme="light") as seen:
        page = seen.page
        choice = page.get_by_label("Theme")
        assert (await choice.input_value(), await page.evaluate(GROUND)) == ("auto", LIGHT)
        await choice.select_option("dark")
        assert await page.evaluate(GROUND) == DARK
        assert await seen.serious_faults() == []
        await page.reload()
        await seen.card("/front").wait_for()
        assert (await choice.input_value(), await page.evaluate(GROUND)) == ("dark", DARK)
        # What was chosen on one page holds on the others, and comes to those that are open.
        player = await page.context.new_page()
        await player.goto(f"{seen.url}front")
        assert await player.evaluate(GROUND) == PLAYER_DARK
        await player.get_by_label("Theme").select_option("auto")
        await page.wait_for_function(f"() => {GROUND} === '{LIGHT}'")
        assert await choice.input_value() == "auto"
        await page.emulate_media(color_scheme="dark")
        assert await page.evaluate(GROUND) == DARK
        await choice.select_option("light")
        assert await page.evaluate(GROUND) == LIGHT
        assert seen.complaints == []

"""Picture the dashboard for the documentation: a real server, real streams, Chromium.

`python tests/interop/picture_dashboard.py` writes `docs/dashboard-*.png`. It needs ffmpeg, Chromium
and the packages of the group `interop`, of which Pillow makes the files small.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path

from chromium_browser import chromium
from dashboard_page import dashboard
from PIL import Image

from headwater import RtspServer, Settings
from headwater.api.settings import ApiSettings
from headwater.http.settings import HttpSettings
from headwater.webrtc.settings import WebRtcSettings

ROOT = Path(__file__).resolve().parent.parent.parent
FILMS = {
    "gate": "mandelbrot=size=640x360:rate=25:start_scale=0.6",
    "yard/north": "testsrc2=size=640x360:rate=25",
    "yard/south": "gradients=size=640x360:rate=25:speed=0.03:nb_colors=5",
    "lobby": "smptehdbars=size=640x360:rate=25",
    "loading-dock": "sierpinski=size=640x360:rate=25",
    "roof": "life=size=640x360:mold=10:rate=25:ratio=0.1:death_color=#C83232:life_color=#00ff00",
}
AWAY = "rtsp://192.0.2.20/stream1"
_COLOURS = 256


async def main() -> None:
    """Write all of the pictures."""
    settings = Settings(
        http=HttpSettings(port=0),
        webrtc=WebRtcSettings(port=0),
        api=ApiSettings(source_networks=("127.0.0.0/8",), sources_file=""),
    )
    paths = {"cams/parking": {"source": AWAY}}
    with tempfile.TemporaryDirectory() as folder:
        films = {path: film(Path(folder), path) for path in FILMS}
        async with (
            RtspServer(host="127.0.0.1", publish_port=0, settings=settings, paths=paths) as server,
            chromium() as browser,
            contextlib.AsyncExitStack() as running,
        ):
            for path, clip in films.items():
                await running.enter_async_context(published(clip, server.publish_url(f"/{path}")))
                await server.wait_for_mount(f"/{path}", 20)
            for path in ("gate", "gate", "lobby"):
                await running.enter_async_context(reading(server.play_url(f"/{path}")))
            for name, width, theme in (
                ("cards", 1440, "light"),
                ("dark", 1440, "dark"),
                ("phone", 390, "light"),
            ):
                async with dashboard(browser, server, width=width, theme=theme) as seen:
                    await seen.wait_for_moving_picture("/gate")
                    await seen.wait_for_state("/cams/parking", "down")
                    await asyncio.sleep(4)
                    await seen.page.screenshot(path=file_of(name))
                    if name == "cards":
                        await seen.card("/gate").get_by_role("button", name="Details").click()
                        await seen.page.locator(".details .peers li").nth(1).wait_for()
                        await seen.page.screenshot(path=file_of("details"))
        async with (
            RtspServer(host="127.0.0.1", publish_port=0, settings=settings) as server,
            chromium() as browser,
            dashboard(browser, server) as seen,
        ):
            await seen.page.screenshot(path=file_of("empty"))
    for name in ("cards", "details", "dark", "empty", "phone"):
        shrink(file_of(name), 360 if name == "phone" else 960)


def film(folder: Path, path: str) -> Path:
    """Encode ten seconds of a stream."""
    clip = folder / f"{path.replace('/', '-')}.mkv"
    command = f"ffmpeg -v error -y -f lavfi -i {FILMS[path]} -f lavfi -i sine"
    command += " -c:v libx264 -preset veryfast -tune zerolatency -g 50 -pix_fmt yuv420p -b:v 900k"
    subprocess.run([*command.split(), *["-c:a", "aac", "-t", "10"], str(clip)], check=True)
    return clip


@contextlib.asynccontextmanager
async def published(clip: Path, url: str) -> AsyncIterator[Process]:
    """Publish a film over and over."""
    command = "ffmpeg -nostdin -v quiet -re -stream_loop -1 -i"
    options = "-c copy -f rtsp -rtsp_transport tcp"
    async with program(*command.split(), str(clip), *options.split(), url) as process:
        yield process


@contextlib.asynccontextmanager
async def reading(url: str) -> AsyncIterator[Process]:
    """Read a stream."""
    command = "ffmpeg -nostdin -v quiet -rtsp_transport tcp -i"
    async with program(*command.split(), url, *["-c", "copy", "-f", "null", "-"]) as process:
        yield process


@contextlib.asynccontextmanager
async def program(*command: str) -> AsyncIterator[Process]:
    """Run a program for as long as it is needed."""
    process = await asyncio.create_subprocess_exec(*command)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def file_of(name: str) -> Path:
    """Return where a picture goes."""
    return ROOT / "docs" / f"dashboard-{name}.png"


def shrink(path: Path, width: int) -> None:
    """Make a picture narrower, and of few colours."""
    picture = Image.open(path).convert("RGB")
    height = round(picture.height * width / picture.width)
    smaller = picture.resize((width, height), Image.Resampling.LANCZOS)
    smaller.quantize(_COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    asyncio.run(main())

"""A WebRTC peer that shares nothing with browsers: GStreamer's webrtcbin watches and publishes."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import pytest
from numbered_film import FRAMES, end, film, publish
from servers.lineup import SYSTEM_PYTHON

from headwater import RtspServer, Settings
from headwater.http.settings import HttpSettings
from headwater.webrtc.settings import WebRtcSettings

SCRIPT = Path(__file__).parent / "clients" / "gst_webrtc.py"
PICTURES = 60
_NEEDED = "import gi; gi.require_version('GstWebRTC', '1.0'); gi.require_version('GstSdp', '1.0')"


@cache
def is_here() -> bool:
    """Whether the system's Python has webrtcbin, and what that needs."""
    try:
        for command in (
            (SYSTEM_PYTHON, "-c", _NEEDED),
            ("gst-inspect-1.0", "webrtcbin"),
            ("gst-inspect-1.0", "nicesrc"),
        ):
            if subprocess.run(command, capture_output=True, timeout=60).returncode:
                return False
    except OSError:
        return False
    return True


pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not is_here(), reason="no webrtcbin here"),
]


@pytest.fixture
async def server() -> AsyncIterator[RtspServer]:
    settings = Settings(http=HttpSettings(port=0), webrtc=WebRtcSettings(port=0))
    async with RtspServer(host="127.0.0.1", publish_port=0, settings=settings) as running:
        yield running


@asynccontextmanager
async def webrtcbin(*arguments: str) -> AsyncIterator[Process]:
    """The script, running."""
    # It warns of any Python that it was not made for.
    environment = {**os.environ, "PYTHONPATH": ""}
    peer = await asyncio.create_subprocess_exec(
        SYSTEM_PYTHON, str(SCRIPT), *arguments, stdout=PIPE, stderr=PIPE, env=environment
    )
    try:
        yield peer
    finally:
        await end(peer)


async def test_it_watches_pictures_in_their_order_and_sound(
    server: RtspServer, tmp_path: Path
) -> None:
    publisher = await publish(film(tmp_path, "h264", "opus"), server.publish_url("/front"))
    try:
        await server.wait_for_mount("/front", 20)
        url = f"http://127.0.0.1:{server.http_port}/front/whep"
        async with webrtcbin("watch", url, str(PICTURES)) as peer, asyncio.timeout(60):
            output, errors = await peer.communicate()
    finally:
        await end(publisher)
    *lines, last = output.decode().split("\n")[:-1] or [""]
    assert last.startswith("sounds "), errors.decode()
    numbers = [int(line) for line in lines]
    assert len(numbers) == PICTURES
    steps = [(b - a) % FRAMES for a, b in itertools.pairwise(numbers)]
    assert all(0 < step < FRAMES // 10 for step in steps), numbers
    assert steps.count(1) >= PICTURES // 2, numbers
    assert int(last.split()[1]) > 20


async def test_what_it_publishes_is_read_by_ffmpeg(server: RtspServer) -> None:
    url = f"http://127.0.0.1:{server.http_port}/live/whip"
    async with webrtcbin("publish", url), asyncio.timeout(90):
        await server.wait_for_mount("/live", 60)
        reader = await asyncio.create_subprocess_exec(
            *["ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i"],
            server.play_url("/live"),
            *["-t", "3", "-map", "0:v", "-map", "0:a", "-c:v", "rawvideo", "-c:a", "pcm_s16le"],
            *["-f", "framecrc", "-"],
            stdout=PIPE,
        )
        output, _ = await reader.communicate()
    lines = [line.split(",") for line in output.decode().splitlines() if line[0] != "#"]
    pictures = {line[-1] for line in lines if line[0].strip() == "0"}
    sounds = [line for line in lines if line[0].strip() == "1"]
    assert len(pictures) >= 40
    assert len(sounds) >= 50

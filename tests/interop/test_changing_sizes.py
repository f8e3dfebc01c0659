"""A camera whose pictures change their size, as ffmpeg publishes it: everybody follows."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from changing_sizes import LARGE, RATE_HZ, SMALL, shot
from ffmpeg_player import command

from headwater import ClientSettings, ClientTransport, RtspServer
from headwater.capture import VideoCapture
from headwater.libav.decoding.frame import Frame
from headwater.libav.decoding.frame_stream import FrameStream

LATE_S = 60.0
PATH = "/cam"

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Some minutes of H.264 that change size each second, with parameter sets in band."""
    path = tmp_path / "both.h264"
    once = b"".join(unit for size in (SMALL, LARGE) for unit in shot(size, RATE_HZ))
    path.write_bytes(once * 100)
    return path


async def sizes_of(frames: FrameStream[Frame]) -> set[tuple[int, int]]:
    """The sizes of a stream's frames, until both have come twice."""
    changes = [(0, 0)]
    async for frame in frames:
        assert frame.array().shape == (frame.height, frame.width, 3)
        if changes[-1] != (frame.width, frame.height):
            changes.append((frame.width, frame.height))
        if len(changes) > 4:
            break
    return set(changes[1:])


def read_both(url: str) -> set[tuple[int, ...]]:
    """The shapes that a capture gives, until there are two."""
    shapes: set[tuple[int, ...]] = set()
    settings = ClientSettings(transport=ClientTransport.TCP)
    with VideoCapture(url, timeout_s=LATE_S, settings=settings) as capture:
        while len(shapes) < 2:
            there, picture = capture.read()
            assert there
            assert picture is not None
            shapes.add(picture.shape[:2])
    return shapes


async def test_frames_and_captures_follow_a_camera_that_changes_its_size(film: Path) -> None:
    async with RtspServer(host="127.0.0.1", publish_port=0) as server:
        camera = await asyncio.create_subprocess_exec(
            command("ffmpeg"),
            *("-nostdin", "-loglevel", "error", "-re"),
            *("-fflags", "+genpts", "-r", str(RATE_HZ), "-f", "h264", "-i", str(film)),
            *("-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", server.publish_url(PATH)),
        )
        try:
            followed = await asyncio.gather(
                sizes_of(server.frames(PATH, mode="every", queue=99, timeout_s=LATE_S)),
                sizes_of(server.frames(PATH, decode_in="process", timeout_s=LATE_S)),
                asyncio.to_thread(read_both, server.play_url(PATH)),
            )
        finally:
            if camera.returncode is None:
                camera.kill()
            await camera.wait()
    shapes = {(height, width) for width, height in (SMALL, LARGE)}
    here, apart, read = followed
    assert here == apart == {SMALL, LARGE}
    assert read == shapes

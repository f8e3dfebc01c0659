"""Pictures whose size changes in the midst of a stream: whoever takes them goes on."""

from __future__ import annotations

import asyncio
import io
from typing import Literal

import av
import pytest
from changing_sizes import LARGE, RATE_HZ, SMALL, ChangingCamera
from film_camera import PATH, read_from

from headwater import RtspServer
from headwater.capture import FRAME_HEIGHT, FRAME_WIDTH, VideoCapture
from headwater.client.settings import ClientSettings, ClientTransport

COUNT = 6
LATE_S = 60.0


@pytest.mark.parametrize("place", ["thread", "process"])
async def test_frames_go_on_with_the_new_size(
    server: RtspServer, place: Literal["thread", "process"]
) -> None:
    camera = ChangingCamera(server, PATH)
    async with server.frames(
        PATH, mode="every", queue=99, decode_in=place, timeout_s=LATE_S
    ) as frames:
        first = asyncio.create_task(anext(frames))
        await read_from(server)
        for size in (SMALL, LARGE, SMALL):
            camera.send(size, COUNT)
        got = [await first, *[await anext(frames) for _ in range(3 * COUNT - 1)]]
    sizes = [(frame.width, frame.height) for frame in got]
    assert sizes == [SMALL] * COUNT + [LARGE] * COUNT + [SMALL] * COUNT
    for number, frame in enumerate(got):
        assert frame.array().shape == (frame.height, frame.width, 3)
        # Each is a grey of its own: none is another one, or a part of it.
        assert abs(float(frame.gray().mean()) - (40 + 2 * (number % COUNT)) * 219 / 255 - 16) < 3
        assert frame.key_frame == (number % COUNT == 0)
    assert [frame.index for frame in got] == list(range(3 * COUNT))
    assert not any(frame.undecoded or frame.gap for frame in got)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ((320, 240), [(320, 240), (320, 240)]),
        ((320, None), [(320, 240), (320, 180)]),
        ((None, 360), [(480, 360), (640, 360)]),
    ],
)
async def test_the_size_that_was_asked_for_stays(
    server: RtspServer, asked: tuple[int | None, int | None], given: list[tuple[int, int]]
) -> None:
    camera = ChangingCamera(server, PATH)
    async with server.frames(
        PATH, mode="every", queue=99, size=asked, format="rgb24", timeout_s=LATE_S
    ) as frames:
        first = asyncio.create_task(anext(frames))
        await read_from(server)
        camera.send(SMALL, COUNT)
        camera.send(LARGE, COUNT)
        got = [await first, *[await anext(frames) for _ in range(2 * COUNT - 1)]]
    shapes = [frame.array().shape[1::-1] for frame in got]
    assert shapes == [given[0]] * COUNT + [given[1]] * COUNT
    assert [(frame.width, frame.height) for frame in got] == shapes


async def test_a_snapshot_has_the_size_of_its_moment(server: RtspServer) -> None:
    camera = ChangingCamera(server, PATH)
    for size in (SMALL, LARGE):
        camera.send(size, COUNT)
        # The decoder goes on for some seconds after the first one.
        async with asyncio.timeout(LATE_S):
            while True:
                file = await server.snapshot(PATH, max_age_s=LATE_S)
                with av.open(io.BytesIO(file)) as picture:
                    stream = picture.streams.video[0]
                    if (stream.width, stream.height) == size:
                        break
    frame = await server.latest_frame(PATH, max_age_s=LATE_S)
    assert (frame.width, frame.height) == LARGE


async def test_a_capture_goes_on_with_the_new_size(server: RtspServer) -> None:
    camera = ChangingCamera(server, PATH)
    size = SMALL

    async def film() -> None:
        while True:
            camera.send(size, COUNT)
            await asyncio.sleep(COUNT / RATE_HZ)

    filming = asyncio.create_task(film())
    settings = ClientSettings(transport=ClientTransport.TCP)
    url = server.play_url(PATH)
    capture = await asyncio.to_thread(VideoCapture, url, timeout_s=LATE_S, settings=settings)
    try:
        for size in (SMALL, LARGE):
            shape = (0, 0, 0)
            while shape != (size[1], size[0], 3):
                there, picture = await asyncio.to_thread(capture.read)
                assert there
                assert picture is not None
                shape = picture.shape
            assert (capture.get(FRAME_WIDTH), capture.get(FRAME_HEIGHT)) == size
        assert capture.isOpened()
    finally:
        await asyncio.to_thread(capture.release)
        filming.cancel()

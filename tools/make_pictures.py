"""Makes the pictures of the pages on frames and on testing: what their examples give, really run.

Needs the extra `media`. Run it again where an example or a sample changes.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

import headwater
from headwater import Frame, RtspServer
from headwater.libav.decoding.still_image import encode_still
from headwater.testing import Bitrot, FakeCamera, Fault

DOCS = Path(__file__).resolve().parent.parent / "docs"
WHITE = 255
GAP = 8
Array = NDArray[np.uint8]


def main() -> None:
    """Write them."""
    write("testing-sample.jpg", row([pictures_of()[number] for number in (0, 1, 2, 25)]))
    damaged = pictures_of(Bitrot(share=0.3), codec="mjpeg")
    write("testing-bitrot.png", row([damaged[number] for number in (0, 1, 2, 3)]))
    asyncio.run(of_frames())


def pictures_of(*faults: Fault, codec: str = "h264") -> list[Array]:
    """The first pictures of a fake camera."""
    with (
        FakeCamera(*faults, codec=codec) as camera,
        headwater.frames(camera.url, mode="every", queue=50) as frames,
    ):
        return [next(frames).array("rgb24") for _ in range(30)]


async def of_frames() -> None:
    """What `publish_frames` shows, and what a transform makes of it."""
    async with RtspServer(host="127.0.0.1", publish_port=0) as server:
        server.transform("/out", "/out/annotated", annotate)
        shown = asyncio.create_task(first_of(server, "/out", 30))
        annotated = asyncio.create_task(first_of(server, "/out/annotated", 5))
        async with server.publish_frames("/out", size=(640, 360), fps=25) as out:
            for number in range(60):
                picture = np.zeros((360, 640, 3), np.uint8)
                picture[:, number * 6 : number * 6 + 60] = (0, 200, 255)
                await out.put(picture)
                await asyncio.sleep(1 / 25)
            frame = await shown
            grey = np.repeat(frame.gray()[:, :, None], 3, axis=2)
            colours = frame.array("rgb24")
            write("frames-shown.png", row([colours, grey, (await annotated).array("rgb24")], 2))


def annotate(frame: Frame) -> object:
    """As the page has it."""
    picture = frame.array()
    picture[:20] = (0, 0, 255)
    return picture


async def first_of(server: RtspServer, path: str, count: int) -> Frame:
    """A frame of a mount, once it has run for a while."""
    async with server.frames(path, mode="every", queue=100, timeout_s=30) as frames:
        for _ in range(count):
            frame = await anext(frames)
    return frame


def row(pictures: list[Array], smaller: int = 1) -> Array:
    """Pictures side by side, with white between them."""
    parts: list[Array] = []
    for picture in pictures:
        picture = picture[::smaller, ::smaller]
        parts += [picture, np.full((picture.shape[0], GAP, 3), WHITE, np.uint8)]
    return np.concatenate(parts[:-1], axis=1)


def write(name: str, picture: Array) -> None:
    """Write a file of the documentation: JPEG where there is grain, PNG otherwise."""
    video = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    codec = "jpeg" if name.endswith(".jpg") else "png"
    (DOCS / name).write_bytes(encode_still(video, codec, 60))


if __name__ == "__main__":
    main()

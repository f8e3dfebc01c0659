"""`headwater snapshot` as a person or a script runs it."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import av
import pytest
from command_here import output_here

from headwater.testing import Hang, number_of
from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings, Credentials, sample


async def run(*arguments: str) -> tuple[int, bytes, str]:
    """The exit code of `headwater snapshot`, its output, and what it says besides."""
    done = await asyncio.to_thread(output_here, "snapshot", *arguments)
    return done.returncode, done.stdout, done.stderr.decode()


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def read(picture: bytes) -> tuple[str, int, int, bytes]:
    """Codec, size and brightness of a file."""
    with av.open(io.BytesIO(picture), "r") as container:
        frame = next(container.decode(video=0))
        codec = container.streams.video[0].codec_context.name
    return codec, frame.width, frame.height, frame.to_ndarray(format="gray").tobytes()


@pytest.mark.parametrize(
    ("name", "codec"), [("a.jpg", "mjpeg"), ("b.JPEG", "mjpeg"), ("c.png", "png")]
)
async def test_the_name_of_the_file_says_what_it_is(tmp_path: Path, name: str, codec: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"the picture before")
    async with AsyncFakeCamera() as camera:
        assert await run(camera.url, str(file)) == (0, b"", "")
        assert camera.seen("TEARDOWN")
    told, width, height, luma = read(file.read_bytes())
    assert (told, width, height) == (codec, 320, 240)
    # The first picture of the sample is a key frame.
    assert number_of(luma) == 0
    assert names_in(tmp_path) == [name]


async def test_standard_output_and_another_size() -> None:
    async with AsyncFakeCamera() as camera:
        code, out, err = await run(camera.url, "-", "--format", "png", "--width", "160")
        small = await run(camera.url, "-", "--quality", "5", "--transport", "tcp")
        large = await run(camera.url, "-", "--quality", "100", "--transport", "tcp")
    assert (code, err) == (0, "")
    assert read(out)[:3] == ("png", 160, 120)
    assert len(small[1]) < len(large[1])


async def test_exit_codes(tmp_path: Path) -> None:
    file = str(tmp_path / "out.jpg")
    settings = CameraSettings(credentials=Credentials("ann", "sesame"))
    async with AsyncFakeCamera(settings=settings) as camera:
        code, _, err = await run(f"rtsp://ann:s3cret@{camera.address}/stream", file)
        assert code == 3
        assert "s3cret" not in err
        url = camera.url
    code, _, err = await run(url, file)
    assert (code, "Connection refused" in err) == (1, True)
    code, _, err = await run(url, str(tmp_path / "out.gif"))
    assert (code, "ends with none of .jpg, .jpeg, .png" in err) == (2, True)
    code, _, err = await run("http://ann:s3cret@host/", file)
    assert (code, "s3cret" in err) == (2, False)
    assert (await run("@/no/such/file", file))[0] == 2
    async with AsyncFakeCamera() as camera:
        code, _, err = await run(camera.url, str(tmp_path / "none" / "out.jpg"))
        assert (code, "No such file or directory" in err) == (1, True)
    assert names_in(tmp_path) == []


async def test_a_source_that_sends_nothing_is_given_up_in_time(tmp_path: Path) -> None:
    async with AsyncFakeCamera(Hang("PLAY")) as camera:
        code, _, err = await run(camera.url, "-", "--timeout", "1")
    assert code == 1
    assert "the source sent no picture within 1 s" in err
    assert "--timeout" in err


async def test_a_source_without_pictures_says_what_it_has() -> None:
    async with AsyncFakeCamera(settings=CameraSettings(tracks=(sample.aac(),))) as camera:
        code, _, err = await run(camera.url, "-")
    assert code == 1
    assert "no video track that can be decoded; the mount has: audio" in err

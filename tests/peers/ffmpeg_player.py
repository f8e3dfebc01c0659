"""Lets the ffmpeg command look at a fake camera, or at a server that relays one."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from headwater.testing.fake_camera import sample

DEADLINE_S = 30.0


def command(name: str) -> str:
    """The path of a command; the test is skipped where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs the {name} command")
    return found


async def run(*words: str) -> tuple[bytes, str]:
    """What a command wrote to its output, and what to its error output; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return output, errors.decode()


async def numbers_seen(url: str, *options: str, count: int = 30) -> list[int]:
    """The numbers of the pictures that ffmpeg decodes from a URL, without a word of complaint."""
    luma, errors = await run(
        *(command("ffmpeg"), "-v", "warning", *options, "-i", url, "-map", "0:v"),
        *("-frames:v", str(count), "-fps_mode", "passthrough"),
        *("-pix_fmt", "gray", "-f", "rawvideo", "-"),
    )
    assert "error" not in errors.lower(), errors
    size = sample.WIDTH * sample.HEIGHT
    return [sample.number_of(luma[at : at + size]) for at in range(0, len(luma), size)]

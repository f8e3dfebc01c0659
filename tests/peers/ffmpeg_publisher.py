"""Has the ffmpeg command encode a picture that moves, and publish it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ffmpeg_player import command


@asynccontextmanager
async def encoded(url: str, *options: str, transport: str = "tcp") -> AsyncIterator[None]:
    """Publish H.264 to a URL, in real time, encoded with these options."""
    process = await asyncio.create_subprocess_exec(
        command("ffmpeg"),
        *("-nostdin", "-loglevel", "error", "-re"),
        *("-f", "lavfi", "-i", "testsrc=size=160x120:rate=25"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", *options),
        *("-f", "rtsp", "-rtsp_transport", transport, url),
    )
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()

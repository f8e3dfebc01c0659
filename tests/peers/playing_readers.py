"""Readers by the ffmpeg command that decode what they play, for as long as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from ffmpeg_player import command

DEADLINE_S = 180.0


class FfmpegReader:
    """Plays a URL by the ffmpeg command, and counts the pictures that it decodes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pictures = 0

    @classmethod
    async def start(cls, url: str) -> FfmpegReader:
        process = await asyncio.create_subprocess_exec(
            *(command("ffmpeg"), "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp"),
            *("-i", url, "-map", "0:v", "-f", "null", "-progress", "pipe:1", "-"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return cls(process)

    async def plays_on(self, pictures: int = 25) -> None:
        """Wait until it has decoded so many more pictures. Raises EOFError where it ends."""
        wanted = self.pictures + pictures
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            while self.pictures < wanted:
                line = await self._process.stdout.readline()
                if not line:
                    raise EOFError(f"ffmpeg ended behind {self.pictures} pictures")
                if line.startswith(b"frame="):
                    self.pictures = int(line[6:])

    async def close(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def playing(*urls: str) -> AsyncIterator[list[FfmpegReader]]:
    """A reader of each URL, that has decoded the first pictures."""
    async with AsyncExitStack() as stack:
        readers = []
        for url in urls:
            reader = await FfmpegReader.start(url)
            stack.push_async_callback(reader.close)
            readers.append(reader)
        await asyncio.gather(*(reader.plays_on() for reader in readers))
        yield readers

"""A real ffmpeg publisher and a real ffmpeg reader of it, whose every frame is accounted for."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path

CLIP_FRAMES = 100
FRAMES_PER_S = 25
_STARTS_S = 20.0
_PASSED_OVER = 5


def ffmpeg() -> str | None:
    """The ffmpeg of this machine."""
    return shutil.which("ffmpeg")


def make_clip(folder: Path) -> Path:
    """Four seconds of H.264 with no two frames alike, encoded once."""
    clip = folder / "clip.mp4"
    if not clip.exists():
        source = f"testsrc2=size=320x240:rate={FRAMES_PER_S}:duration={CLIP_FRAMES // FRAMES_PER_S}"
        command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source]
        command += ["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency"]
        command += ["-b:v", "400k", "-g", "25", "-pix_fmt", "yuv420p", str(clip)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return clip


class FrameAccount:
    """Counts the frames of an endlessly repeated clip that a reader did not get, or not whole.

    The first time round teaches the order of the frames by their hashes; from then on each frame
    must be the one after its predecessor. The very first frames are passed over: a reader that
    joins before a key frame has come begins in the middle of a picture.
    """

    def __init__(self, clip_frames: int = CLIP_FRAMES) -> None:
        self._clip_frames = clip_frames
        self._place: dict[str, int] = {}
        self._last: int | None = None
        self._last_s = 0.0
        self.frames = 0
        self.lost = 0
        self.damaged = 0
        self.longest_gap_s = 0.0

    @property
    def learned(self) -> bool:
        """Whether a whole round was seen, so that every loss from now on shows at once."""
        return len(self._place) == self._clip_frames

    def take(self, digest: str, now: float) -> None:
        """Take one frame."""
        self.frames += 1
        if self.frames <= _PASSED_OVER:
            return
        if self._last_s:
            self.longest_gap_s = max(self.longest_gap_s, now - self._last_s)
        self._last_s = now
        place = self._place.get(digest)
        if place is None and not self.learned:
            place = self._place[digest] = len(self._place)
        following = 0 if self._last is None else (self._last + 1) % self._clip_frames
        if place is None:
            self.damaged += 1
            place = following
        self.lost += (place - following) % self._clip_frames
        self._last = place

    def take_longest_gap_s(self) -> float:
        """The longest time between two frames since the last call."""
        gap_s, self.longest_gap_s = self.longest_gap_s, 0.0
        return gap_s


class SteadyStream:
    """Publishes the clip over and over in real time, and reads it, both by ffmpeg.

    Frames are relayed as they are and hashed by the reader: no picture is encoded or decoded.
    """

    def __init__(self, publisher: Process, reader: Process, account: FrameAccount) -> None:
        self._publisher = publisher
        self._reader = reader
        self._reading = asyncio.get_running_loop().create_task(self._read())
        self.account = account

    @classmethod
    async def start(
        cls,
        port: int,
        folder: Path,
        *,
        path: str = "/steady",
        publish_over: str = "tcp",
        play_over: str = "tcp",
        credentials: str = "",
    ) -> SteadyStream:
        """Start both and wait until the first frame has come through.

        `credentials`: `name:password` of both, for servers that ask for them.
        """
        user = f"{credentials}@" if credentials else ""
        url = f"rtsp://{user}127.0.0.1:{port}{path}"
        clip = make_clip(folder)
        quiet = ("ffmpeg", "-nostdin", "-v", "error")
        publisher = await asyncio.create_subprocess_exec(
            *quiet, "-re", "-stream_loop", "-1", "-i", str(clip), "-c", "copy",
            "-f", "rtsp", "-rtsp_transport", publish_over, url,
            stdin=DEVNULL, stdout=DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + _STARTS_S
        while True:
            reader = await asyncio.create_subprocess_exec(
                *quiet, "-fflags", "nobuffer", "-rtsp_transport", play_over, "-i", url,
                "-map", "0:v", "-c", "copy", "-flush_packets", "1", "-f", "framemd5", "pipe:1",
                stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL,
            )  # fmt: skip
            stream = cls(publisher, reader, FrameAccount())
            if await stream._began(deadline):
                return stream
            if time.monotonic() > deadline or publisher.returncode is not None:
                await stream.stop()
                raise AssertionError("ffmpeg does not publish or does not play")

    @property
    def alive(self) -> bool:
        """Whether both still run."""
        return self._publisher.returncode is None and self._reader.returncode is None

    async def frames(self, count: int, *, deadline_s: float = 60.0) -> None:
        """Wait until `count` more frames have come."""
        wanted = self.account.frames + count
        async with asyncio.timeout(deadline_s):
            while self.account.frames < wanted:
                if self._reading.done():
                    self._reading.result()
                    raise AssertionError("the steady reader ended")
                await asyncio.sleep(0.02)

    async def learn(self) -> None:
        """Wait until every loss shows at once."""
        while not self.account.learned:
            await self.frames(1)

    async def stop(self) -> None:
        """End both."""
        for process in (self._reader, self._publisher):
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.terminate()
            try:
                async with asyncio.timeout(5.0):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        with suppress(asyncio.CancelledError):
            self._reading.cancel()
            await self._reading

    async def _began(self, deadline: float) -> bool:
        while time.monotonic() < deadline and not self._reading.done():
            if self.account.frames:
                return True
            await asyncio.sleep(0.05)
        return False

    async def _read(self) -> None:
        output = self._reader.stdout
        assert output is not None
        async for line in output:
            text = line.decode()
            if not text.startswith("#"):
                # Stream, dts, pts, duration, size, hash; side data may follow.
                self.account.take(text.split(",")[5].strip(), time.monotonic())

"""Players at a place of a network, each picture of which is looked at as it comes.

They play the numbered pictures of the fake camera, whose decoded bytes are known beforehand: any
other picture is a damaged one.
"""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

from ffmpeg_player import command
from network_places import NetworkPlaces, ended
from vlc_program import SHOW_ALL, launcher, playground

from headwater.testing.fake_camera import sample

PATIENCE_S = 15.0
"""How long those who watch look at no new picture before they start their player again."""
_DIAL_AGAIN_S = 0.5
_PICTURE_BYTES = sample.WIDTH * sample.HEIGHT * 3 // 2
_Y4M_FRAME = b"FRAME\n"


class Program(Enum):
    """A player that writes raw pictures."""

    FFMPEG = "ffmpeg"
    GSTREAMER = "GStreamer"
    VLC = "VLC"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a player saw in some time.

    Attributes:
        reader: its name.
        gap_s: the longest time between two pictures.
        reconnects: how often it had to be started again.
        damaged: pictures that are none of the camera's.
        pictures: all that it showed.
    """

    reader: str
    gap_s: float
    reconnects: int
    damaged: int
    pictures: int


@cache
def _known_pictures() -> frozenset[bytes]:
    decoded = subprocess.run(
        [
            *(command("ffmpeg"), "-v", "error", "-f", "h264"),
            *("-i", str(sample.FOLDER / "h264-320x240-25.h264"), "-fps_mode", "passthrough"),
            *("-pix_fmt", "yuv420p", "-f", "rawvideo", "-"),
        ],
        check=True,
        capture_output=True,
    ).stdout
    known = frozenset(
        _digest(decoded[at : at + _PICTURE_BYTES]) for at in range(0, len(decoded), _PICTURE_BYTES)
    )
    assert len(known) == sample.PICTURES
    return known


def _digest(picture: bytes) -> bytes:
    return hashlib.md5(picture).digest()


class LinkReader:
    """A player that is started again whenever it ends, with the next of its URLs.

    That is what a viewer does, or a player behind a name with several addresses.
    """

    def __init__(
        self, program: Program, places: NetworkPlaces, place: str, urls: Sequence[str], log: Path
    ) -> None:
        self.name = program.value
        self._program = program
        self._places = places
        self._place = place
        self._urls = urls
        self._log = log
        self._known = _known_pictures()
        self._ground = ExitStack()
        self._home = ""
        if program is Program.VLC:
            self._home = str(self._ground.enter_context(playground()))
        self._process: Process | None = None
        self._more = asyncio.Event()
        self._last: bytes | None = None
        self.url = self.first_url = urls[0]
        self.pictures = self.damaged = self.starts = 0
        self._last_s = self._gap_s = 0.0
        self._running = asyncio.get_running_loop().create_task(self._run())

    def watch(self) -> None:
        """Begin to count."""
        self.pictures = self.damaged = self.starts = 0
        self._last_s, self._gap_s = time.monotonic(), 0.0

    def seen(self) -> Seen:
        """What came since the begin."""
        gap_s = max(self._gap_s, time.monotonic() - self._last_s)
        return Seen(self.name, gap_s, self.starts, self.damaged, self.pictures)

    async def plays_on(self, pictures: int = 50, *, deadline_s: float = 60.0) -> None:
        """Wait for so many more pictures."""
        wanted = self.pictures + pictures
        try:
            async with asyncio.timeout(deadline_s):
                while self.pictures < wanted:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            left = wanted - self.pictures
            raise AssertionError(
                f"{self.name} of {self.url}: {left} of {pictures} pictures did not come in "
                f"{deadline_s:.0f} s, started {self.starts} times\n{self._log.read_text()[-2000:]}"
            ) from None

    async def close(self) -> None:
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running
        if self._process is not None:
            await ended(self._process)
        self._ground.close()

    async def _run(self) -> None:
        dialled = 0
        while True:
            self.url = self._urls[dialled % len(self._urls)]
            dialled += 1
            self._process = await self._places.program(
                self._place, *self._words(), stdout=PIPE, stderr=self._log
            )
            with suppress(asyncio.IncompleteReadError, TimeoutError):
                await self._read(self._process)
            await ended(self._process)
            self.starts += 1
            await asyncio.sleep(_DIAL_AGAIN_S)

    async def _read(self, process: Process) -> None:
        output = process.stdout
        assert output is not None
        async with asyncio.timeout(PATIENCE_S) as patience:
            if self._program is Program.VLC:
                await output.readuntil(b"\n")
            while True:
                if self._program is Program.VLC:
                    assert await output.readexactly(len(_Y4M_FRAME)) == _Y4M_FRAME
                if self._take(_digest(await output.readexactly(_PICTURE_BYTES))):
                    patience.reschedule(asyncio.get_running_loop().time() + PATIENCE_S)

    def _take(self, picture: bytes) -> bool:
        """Take a picture, unless it is the last one: VLC shows that while no other comes."""
        if picture == self._last:
            return False
        now_s = time.monotonic()
        if self._last_s:
            self._gap_s = max(self._gap_s, now_s - self._last_s)
        self._last, self._last_s = picture, now_s
        self.pictures += 1
        self.damaged += picture not in self._known
        self._more.set()
        return True

    def _words(self) -> tuple[str, ...]:
        match self._program:
            case Program.FFMPEG:
                return (
                    *(command("ffmpeg"), "-nostdin", "-v", "warning", "-rtsp_transport", "tcp"),
                    *("-fflags", "nobuffer", "-threads", "1", "-i", self.url),
                    *("-map", "0:v", "-fps_mode", "passthrough"),
                    *("-pix_fmt", "yuv420p", "-f", "rawvideo", "-flush_packets", "1", "-"),
                )
            case Program.GSTREAMER:
                return (
                    *(command("gst-launch-1.0"), "-q", "rtspsrc", f"location={self.url}"),
                    *("protocols=tcp", "latency=200", "!", "rtph264depay", "!", "h264parse"),
                    *("!", "avdec_h264", "max-threads=1"),
                    *("!", "video/x-raw,format=I420"),
                    *("!", "fdsink", "sync=false"),
                )
            case Program.VLC:
                return (
                    *("env", f"HOME={self._home}", *launcher(), "--play-and-exit", *SHOW_ALL),
                    *("--vout", "yuv", "--yuv-chroma", "I420", "--yuv-yuv4mpeg2"),
                    *("--yuv-file", "/dev/stdout", "--rtsp-tcp", "--no-audio"),
                    # The title would be written into the first pictures.
                    *("--no-osd", "--no-video-title-show", self.url),
                )

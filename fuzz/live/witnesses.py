"""Who must notice nothing: a real publisher, a real reader, and one that counts packets."""

from __future__ import annotations

import asyncio
import re
import struct
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import cast

FRAMES_PER_S = 25
_TROUBLE = re.compile(r"error|corrupt|missed|conceal|invalid|non monoton|broken", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"


def start_publisher(url: str, log: Path) -> subprocess.Popen[bytes]:
    """An ffmpeg that publishes a test picture in real time."""
    command = (
        "ffmpeg -hide_banner -loglevel warning -re -f lavfi "
        f"-i testsrc=size=160x120:rate={FRAMES_PER_S} -threads 1 "
        "-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -bf 0 "
        f"-f rtsp -rtsp_transport tcp {url}"
    )
    with log.open("wb") as output:
        return subprocess.Popen(command.split(), stdin=subprocess.DEVNULL, stderr=output)


def start_reader(url: str, frames: Path, log: Path) -> subprocess.Popen[bytes]:
    """An ffmpeg that decodes every picture and writes its number and hash."""
    command = (
        f"ffmpeg -hide_banner -loglevel warning -y -rtsp_transport tcp -i {url} -threads 1 "
        f"-fps_mode passthrough -enc_time_base -1 -flush_packets 1 -f framemd5 {frames}"
    )
    with log.open("wb") as output:
        return subprocess.Popen(command.split(), stdin=subprocess.PIPE, stderr=output)


def decoded(frames: Path) -> list[int]:
    """The time stamps of the pictures that the reader decoded so far."""
    if not frames.exists():
        return []
    return [
        int(line.split(",")[1])
        for line in frames.read_text().splitlines()
        if not line.startswith("#") and line.count(",") == 5
    ]


def reader_trouble(frames: Path, log: Path) -> tuple[int, str]:
    """How many pictures the reader decoded, and what was wrong with them."""
    stamps = decoded(frames)
    # The first picture is not looked at: ffmpeg gives it the time of the second.
    steps = {after - before for before, after in pairwise(stamps[1:])}
    complaint = _TROUBLE.search(log.read_text(errors="replace"))
    if complaint:
        return len(stamps), f"the reader says {log.read_text(errors='replace')[:500]}"
    if not stamps:
        return 0, "the reader decoded nothing"
    timebase = re.search(r"^#tb 0: (\d+)/(\d+)", frames.read_text(), re.MULTILINE)
    ticks = int(timebase[2]) / int(timebase[1]) / FRAMES_PER_S if timebase else 1
    wrong = sorted(step for step in steps if not 0.5 * ticks < step < 1.5 * ticks)
    return len(stamps), f"steps of {wrong} ticks, {ticks:g} is one picture" if wrong else ""


class CountingReader(asyncio.Protocol):
    """Plays one track over TCP and misses nothing: every sequence number, once, in order."""

    def __init__(self, url: str) -> None:
        self.packets = 0
        self.trouble = ""
        self.playing = asyncio.Event()
        self._url = url
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._session = ""
        self._last_seq: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Set up the track."""
        self._transport = cast("asyncio.Transport", transport)
        self._ask("SETUP", f"{self._url}/trackID=0", "RTP/AVP/TCP;unicast;interleaved=0-1")

    def data_received(self, data: bytes) -> None:
        """Count packets."""
        buffer = self._buffer + data
        at = 0
        while len(buffer) - at >= 4:
            if buffer[at : at + 1] == b"$":
                channel, length = struct.unpack_from(">BH", buffer, at + 1)
                if len(buffer) - at - 4 < length:
                    break
                if channel == 0:
                    self._count(int.from_bytes(buffer[at + 6 : at + 8], "big"))
                at += 4 + length
                continue
            end = buffer.find(_HEAD_END, at)
            if end < 0:
                break
            self._take_answer(buffer[at:end])
            at = end + len(_HEAD_END)
        self._buffer = buffer[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever watches must not be thrown out."""
        if self._transport is not None:
            self.trouble = self.trouble or f"the counting reader was disconnected: {exc}"

    def keep_alive(self) -> None:
        """A sign of life, as players send it."""
        self._ask("GET_PARAMETER", self._url)

    def close(self) -> None:
        """Leave."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    def _ask(self, method: str, url: str, transport: str = "") -> None:
        lines = [f"{method} {url} RTSP/1.0", "CSeq: 1"]
        lines += [f"Transport: {transport}"] if transport else []
        lines += [f"Session: {self._session}"] if self._session else []
        if self._transport is not None:
            self._transport.write("\r\n".join((*lines, "", "")).encode())

    def _take_answer(self, head: bytes) -> None:
        if b" 200 " not in head:
            self.trouble = self.trouble or f"the counting reader was answered {head[:80]!r}"
        if not self._session:
            found = re.search(rb"Session: ([0-9a-f]+)", head)
            self._session = found[1].decode() if found else ""
            self._ask("PLAY", self._url)
        else:
            self.playing.set()

    def _count(self, seq: int) -> None:
        self.packets += 1
        if self._last_seq is not None and seq != (self._last_seq + 1) & 0xFFFF:
            self.trouble = self.trouble or f"packet {self._last_seq} is followed by {seq}"
        self._last_seq = seq

"""Other RTSP servers by name: those that play a film, and those that record one."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from bench.peers import Server, node
from clients.client import (
    CannotPlayError,
    FrameChecksums,
    Media,
    Program,
    Transport,
)
from clients.description import wait_until_published
from clients.ffmpeg import FfmpegPublisher, FfmpegReader, checksum_options, read_framemd5
from clients.gstreamer import wait_for_bytes
from own_ports import free_port
from server_process import ServerProcess

ROOT = Path(__file__).resolve().parents[3]
LIVE555 = ROOT / ".venv" / "live555" / "live555MediaServer"
SYSTEM_PYTHON = "/usr/bin/python3"
GST_SERVER = Path(__file__).with_name("gst_server.py")
DEADLINE_S = 40.0
RECORDED_BYTES = 400_000
"""Of a film with 400 kb/s for the picture: some six seconds."""


class SourceServer(Protocol):
    """A server that plays a film, over these transports."""

    name: str
    transports: frozenset[Transport]

    @contextmanager
    def serving(self, media: Media, workdir: Path) -> Iterator[str]:
        """Yield the URL of the film. Raises CannotPlayError where the server is not here."""
        ...


class TargetServer(Protocol):
    """A server that records."""

    name: str

    @contextmanager
    def recording(self, media: Media, workdir: Path) -> Iterator[Recorder]:
        """Yield where to publish, and what was recorded."""
        ...


class Recorder(Protocol):
    """A server that waits for a film."""

    url: str

    def seen(self, frames: int) -> FrameChecksums:
        """Wait for so many pictures; return their checksums."""
        ...


class Live555:
    """`live555MediaServer` in the folder of the film; it takes port 554, or 8554."""

    name = "live555"
    transports = frozenset(Transport)

    @contextmanager
    def serving(self, media: Media, workdir: Path) -> Iterator[str]:
        found = str(LIVE555) if LIVE555.exists() else shutil.which("live555MediaServer")
        if found is None:
            raise CannotPlayError("live555MediaServer is not here; tests/interop/live555/fetch")
        log = workdir / "live555.log"
        # It writes its port behind a buffer unless it has a terminal.
        program = subprocess.Popen(
            ["script", "--quiet", "--flush", "--return", "--command", found, str(log)],
            cwd=media.path.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            said = _wait_for(log, r"rtsp://[0-9.]+(:\d+)?/<filename>")
            yield f"rtsp://127.0.0.1{said[1] or ''}/{media.path.name}"
        finally:
            program.terminate()
            program.wait()


class GstRtspServer:
    """gst-rtsp-server by a script."""

    name = "gst-rtsp-server"
    transports = frozenset(Transport)

    @contextmanager
    def serving(self, media: Media, workdir: Path) -> Iterator[str]:
        with _gst_server("play", media.path, workdir) as url:
            yield url

    @contextmanager
    def recording(self, media: Media, workdir: Path) -> Iterator[Recorder]:
        file = workdir / "recorded.mkv"
        with ExitStack() as running:
            url = running.enter_context(_gst_server("record", file, workdir))
            yield _RecordedFile(url, media, file, workdir)


class _RecordedFile:
    def __init__(self, url: str, media: Media, file: Path, workdir: Path) -> None:
        self.url = url
        self._media, self._file, self._workdir = media, file, workdir

    def seen(self, frames: int) -> FrameChecksums:
        # A program that does nothing but live as long as the wait.
        with Program(["sleep", str(DEADLINE_S)], self._workdir / "wait.log") as program:
            wait_for_bytes(program, self._file, RECORDED_BYTES, DEADLINE_S)
        copy = self._workdir / "copy.mkv"
        copy.write_bytes(self._file.read_bytes())
        sums = self._workdir / "recorded.md5"
        options = checksum_options(self._media, sums, frames=frames)
        argv = ["ffmpeg", "-nostdin", "-y", "-loglevel", "fatal", "-i", str(copy), *options]
        Program(argv, self._workdir / "recorded.log").finish(DEADLINE_S)
        video, audio = read_framemd5(sums)
        # It writes the first packet of sound and leaves out some behind it, ffmpeg's own too.
        return FrameChecksums(video, audio_packets=audio[1:])


class Headwater:
    """Another server of our own, to which ffmpeg publishes, or from which ffmpeg plays."""

    name = "Headwater"
    transports = frozenset(Transport)

    @contextmanager
    def serving(self, media: Media, workdir: Path) -> Iterator[str]:
        with ServerProcess(workdir / "other.log", publish_port=0) as other:
            url = other.publish_url("film")
            with FfmpegPublisher().publish(url, Transport.TCP, media, workdir):
                wait_until_published(other.play_url("film"))
                yield other.play_url("film")

    @contextmanager
    def recording(self, media: Media, workdir: Path) -> Iterator[Recorder]:
        with ServerProcess(workdir / "other.log", publish_port=0) as other:
            yield _PlayedAgain(other, media, workdir)


class _PlayedAgain:
    def __init__(self, server: ServerProcess, media: Media, workdir: Path) -> None:
        self.url = server.publish_url("film")
        self._play_url = server.play_url("film")
        self._media, self._workdir = media, workdir

    def seen(self, frames: int) -> FrameChecksums:
        wait_until_published(self._play_url)
        reader = FfmpegReader()
        return reader.play(self._play_url, Transport.TCP, self._media, frames, self._workdir)


class RtspStreamingServer:
    """rtsp-streaming-server from npm, to which ffmpeg publishes; it knows UDP alone."""

    name = "rtsp-streaming-server"
    transports = frozenset({Transport.UDP})

    @contextmanager
    def serving(self, media: Media, workdir: Path) -> Iterator[str]:
        if shutil.which("node") is None or shutil.which("npm") is None:
            raise CannotPlayError("there is no Node.js here, or no npm")
        try:
            peer = node()
        except (OSError, subprocess.CalledProcessError) as error:
            raise CannotPlayError("npm cannot fetch rtsp-streaming-server") from error
        with Server(peer, min(os.sched_getaffinity(0)), workdir / "node.log") as server:
            publishing = FfmpegPublisher().publish(
                server.publish_url("film"), Transport.UDP, media, workdir
            )
            with publishing:
                wait_until_published(server.play_url("film"))
                yield server.play_url("film")


class FfmpegListening:
    """`ffmpeg -rtsp_flags listen -i URL`: it takes one publisher."""

    name = "ffmpeg"

    @contextmanager
    def recording(self, media: Media, workdir: Path) -> Iterator[Recorder]:
        url = f"rtsp://127.0.0.1:{free_port()}/film"
        yield _Listening(url, media, workdir)


class _Listening:
    def __init__(self, url: str, media: Media, workdir: Path) -> None:
        self.url = url
        self._media, self._workdir = media, workdir

    def seen(self, frames: int) -> FrameChecksums:
        sums = self._workdir / "listening.md5"
        options = checksum_options(self._media, sums, frames=frames)
        argv = ["ffmpeg", "-nostdin", "-y", "-loglevel", "warning", "-rtsp_flags", "listen"]
        Program([*argv, "-i", self.url, *options], self._workdir / "listening.log").finish(
            DEADLINE_S
        )
        return _checksums(sums)


SOURCES: tuple[SourceServer, ...] = (
    *(Live555(), GstRtspServer(), RtspStreamingServer(), Headwater()),
)
TARGETS: tuple[TargetServer, ...] = (GstRtspServer(), Headwater(), FfmpegListening())


def versions() -> dict[str, str]:
    """Version of each server, as far as it is here."""
    found = {}
    if LIVE555.exists():
        packages = (LIVE555.parent / "tree/usr/share/doc").glob("livemedia-utils/changelog*")
        found["live555"] = "of Debian 14" if any(packages) else "here"
    dpkg = ["dpkg-query", "-W", "-f", "${Version}", "gir1.2-gst-rtsp-server-1.0"]
    with contextlib.suppress(OSError):
        done = subprocess.run(dpkg, capture_output=True, text=True)
        found["gst-rtsp-server"] = done.stdout or "not here"
    return found


@contextmanager
def _gst_server(mode: str, file: Path, workdir: Path) -> Iterator[str]:
    log = (workdir / f"gst-{mode}.log").open("wb")
    argv = [SYSTEM_PYTHON, str(GST_SERVER), mode, str(file)]
    with log, subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().decode().strip()
            if not port:
                raise CannotPlayError(
                    "gst-rtsp-server has no Python bindings here (gir1.2-gst-rtsp-server-1.0)"
                )
            yield f"rtsp://127.0.0.1:{port}/film"
        finally:
            process.kill()


def _checksums(sums: Path) -> FrameChecksums:
    video, audio = read_framemd5(sums)
    return FrameChecksums(video, audio_packets=audio)


def _wait_for(log: Path, pattern: str) -> re.Match[str]:
    """Wait until a program has written something."""
    give_up = time.monotonic() + DEADLINE_S
    while time.monotonic() < give_up:
        if log.exists() and (found := re.search(pattern, log.read_text(errors="replace"))):
            return found
        time.sleep(0.05)
    raise CannotPlayError(f"no {pattern} in {log.name}")

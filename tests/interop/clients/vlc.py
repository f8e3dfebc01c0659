"""VLC: what it shows goes into a file by its `yuv` video output, what it hears is summed up."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from clients.client import (
    AudioProof,
    CannotPlayError,
    ClientError,
    FrameChecksums,
    Media,
    Program,
    Transport,
)
from clients.description import describe
from vlc_program import FETCHED, SHOW_ALL, launcher, playground, why_no_rtsp

PLAY_DEADLINE_S = 40.0
LOOK_EVERY_S = 0.1
Y4M_FRAME = b"FRAME\n"
TRANSPORT_OPTIONS = {Transport.UDP: (), Transport.TCP: ("--rtsp-tcp",)}


class VlcReader:
    """`vlc URL`; UDP is its default, `--rtsp-tcp` asks for TCP."""

    name = "VLC"

    def cannot(self, media: Media, transport: Transport) -> str | None:
        """Tell whether there is a VLC with an RTSP client."""
        return why_no_rtsp()

    def play(
        self, url: str, transport: Transport, media: Media, frames: int, workdir: Path
    ) -> FrameChecksums:
        """Play until `frames` different pictures have been shown."""
        if "m=application" in describe(url).body:
            raise CannotPlayError("VLC leaves out m=application, as which ffmpeg announces MPEG-TS")
        return play_with(TRANSPORT_OPTIONS[transport], url, media, frames, workdir)


def play_with(
    options: Sequence[str], url: str, media: Media, frames: int, workdir: Path
) -> FrameChecksums:
    """Play an URL with further options until `frames` different pictures have been shown."""
    with VlcPlayer(url, options, media, workdir) as player:
        player.wait_until(lambda: len(player.pictures) >= frames, f"{frames} pictures")
        return player.seen()


class VlcPlayer:
    """A playing VLC whose shown pictures can be looked at while it plays."""

    def __init__(self, url: str, options: Sequence[str], media: Media, workdir: Path) -> None:
        self._media = media
        self._workdir = workdir
        self._ground = contextlib.ExitStack()
        ground = self._ground.enter_context(playground())
        self._shown = ShownPictures(ground / "shown.y4m", media.i420_bytes)
        self._sums = ground / "packets.tsv"
        self._sound = ground / "sound.raw"
        if media.recipe.audio_proof is AudioProof.BYTES:
            listen = f"dst=std{{access=file,mux=dummy,dst={self._sound}}},select=audio"
        else:
            listen = f"dst=stats{{output={self._sums}}},select=audio"
        argv = [
            *launcher(),
            "--play-and-exit",
            *SHOW_ALL,
            *("--vout", "yuv", "--yuv-chroma", "I420", "--yuv-yuv4mpeg2"),
            *("--yuv-file", str(ground / "shown.y4m")),
            *options,
            url,
            *("--sout-all", "--sout", f"#duplicate{{dst=display{{noaudio}},{listen}}}"),
        ]
        self.program = Program(argv, workdir / "vlc.log", {**os.environ, "HOME": str(ground)})

    @property
    def pictures(self) -> tuple[str, ...]:
        """Checksums of the pictures shown so far."""
        return self._shown.checksums()

    def wait_until(self, condition: Callable[[], object], what: str) -> None:
        """Look again and again while it plays; raises ClientError when `what` does not come."""
        give_up = time.monotonic() + PLAY_DEADLINE_S
        while not condition():
            if time.monotonic() > give_up:
                raise ClientError(
                    f"vlc: no {what} within {PLAY_DEADLINE_S:.0f} s but {len(self.pictures)}\n"
                    + self.program.last_lines()
                )
            self.program.run_for(LOOK_EVERY_S)

    def seen(self) -> FrameChecksums:
        """Let VLC end and return all that it showed and heard."""
        self.program.interrupt()
        if self._media.recipe.audio_proof is AudioProof.BYTES:
            return FrameChecksums(self.pictures, audio_bytes=self._sound.read_bytes())
        if self._media.recipe.suffix == "ts":
            # Out of a transport stream VLC takes AAC without the ADTS headers of the film's.
            return FrameChecksums(self.pictures)
        return FrameChecksums(self.pictures, audio_packets=packet_sums(self._sums))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.program.interrupt()
        self._ground.close()


class ShownPictures:
    """Checksums of the pictures in a growing Y4M file.

    VLC shows a picture again when the next is not there in time: that counts once.
    """

    def __init__(self, path: Path, picture_bytes: int) -> None:
        self._path = path
        self._picture_bytes = picture_bytes
        self._offset = 0
        self._sums: list[str] = []

    def checksums(self) -> tuple[str, ...]:
        """Read on to the last whole picture."""
        if self._path.exists():
            with self._path.open("rb") as shown:
                if self._offset == 0 and (head := shown.readline()).endswith(b"\n"):
                    self._offset = len(head)
                while self._offset > 0 and (picture := self._next(shown.fileno())):
                    checksum = hashlib.md5(picture).hexdigest()
                    if not self._sums or self._sums[-1] != checksum:
                        self._sums.append(checksum)
        return tuple(self._sums)

    def _next(self, descriptor: int) -> bytes | None:
        size_bytes = len(Y4M_FRAME) + self._picture_bytes
        frame = os.pread(descriptor, size_bytes, self._offset)
        if len(frame) < size_bytes:
            return None
        if not frame.startswith(Y4M_FRAME):
            raise ClientError(f"vlc: no picture of {self._picture_bytes} bytes, {frame[:40]!r}")
        self._offset += size_bytes
        return frame[len(Y4M_FRAME) :]


def packet_sums(table: Path) -> tuple[str, ...]:
    """Checksums in the table that VLC's `stats` output writes: the last column of each packet."""
    if not table.exists():
        raise ClientError("vlc: no packets of sound")
    lines = table.read_text().splitlines()
    return tuple(line.split("\t")[-1] for line in lines if not line.startswith("#"))


def version() -> str:
    """VLC's version as it says so itself."""
    if not FETCHED.exists() and shutil.which("vlc") is None:
        return "(none)"
    said = subprocess.run([*launcher(), "--version"], capture_output=True, text=True).stdout
    return said.split()[2] if said.startswith("VLC version") else "(does not say)"

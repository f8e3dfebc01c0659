"""What a real player or publisher must be able to do here, and what it hands back as proof."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol, Self


class Transport(StrEnum):
    """How RTP travels, as the clients call it."""

    UDP = "udp"
    TCP = "tcp"


class AudioProof(StrEnum):
    """How arrived sound is compared with its source."""

    PACKETS = "packets"  # checksums of the encoded frames
    BYTES = "bytes"  # one run of samples: packets have no borders of their own


class PixelForm(StrEnum):
    """What a picture's checksum was taken over."""

    I420 = "i420"  # the decoder's own planes, without padding
    OPENCV_BGR = "opencv-bgr"  # what cv2.VideoCapture.read returns


@dataclass(frozen=True, slots=True)
class Recipe:
    """How each client names the parts of one codec pair."""

    suffix: str
    video: str
    audio: str | None
    audio_proof: AudioProof
    gst_demux: str
    gst_video_publish: str
    gst_audio_publish: str
    gst_video_read: str
    gst_audio_read: str
    audio_file: str
    ffprobe_video: str
    ffprobe_audio: str | None
    input_options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Media:
    """One file to publish, in real time, and how to recognise what came out of it."""

    name: str
    path: Path
    recipe: Recipe
    width: int
    height: int
    frames_per_second: int
    key_frame_every: int
    duration_s: int

    @property
    def i420_bytes(self) -> int:
        """Size of one decoded picture in bytes."""
        return self.width * self.height * 3 // 2


@dataclass(frozen=True, slots=True)
class FrameChecksums:
    """MD5 of every picture a reader decoded, and of the sound that came with them, in order."""

    video: tuple[str, ...]
    form: PixelForm = PixelForm.I420
    audio_packets: tuple[str, ...] | None = None
    audio_bytes: bytes | None = None
    first_sound_torn: bool = False  # by the client itself: see there


class ClientError(Exception):
    """The client ended, hung, or wrote nothing; the message ends with its own last lines."""


class CannotPlayError(Exception):
    """The client is unable to play what this publisher made of the film; the message says why."""


class Publisher(Protocol):
    """A program that publishes a file to an RTSP server by ANNOUNCE and RECORD."""

    name: str

    def cannot(self, media: Media, transport: Transport) -> str | None:
        """Why this client is unable to, whatever the server does; None when it is able."""
        ...

    def publish(self, url: str, transport: Transport, media: Media, workdir: Path) -> Program:
        """Begin to publish in real time; the caller stops it."""
        ...


class Reader(Protocol):
    """A program that plays an RTSP URL."""

    name: str

    def cannot(self, media: Media, transport: Transport) -> str | None:
        """Why this client is unable to, whatever the server does; None when it is able."""
        ...

    def play(
        self, url: str, transport: Transport, media: Media, frames: int, workdir: Path
    ) -> FrameChecksums:
        """Decode `frames` pictures or more; return their checksums.

        Raises ClientError, CannotPlayError.
        """
        ...


@dataclass(slots=True)
class Program:
    """A client's process, its output kept in a file for the report of a failure."""

    argv: Sequence[str]
    log_path: Path
    environment: Mapping[str, str] | None = None
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self.process.poll() is None

    def last_lines(self, count: int = 12) -> str:
        """Return the end of what the client printed."""
        text = self.log_path.read_text(errors="replace")
        return "\n".join(text.replace("\r", "\n").splitlines()[-count:])

    def finish(self, timeout_s: float) -> None:
        """Wait for a clean end; raises ClientError when it hangs or exits with an error."""
        try:
            status = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ClientError(
                f"{self.argv[0]} still ran after {timeout_s:.0f} s\n{self.last_lines()}"
            ) from None
        if status != 0:
            raise ClientError(f"{self.argv[0]} exited with {status}\n{self.last_lines()}")

    def run_for(self, seconds: float) -> None:
        """Let it run that long; raises ClientError when it ends by itself before."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            raise ClientError(f"{self.argv[0]} ended early\n{self.last_lines()}")

    def interrupt(self, timeout_s: float = 5.0) -> None:
        """End it as a user at the terminal does; kill it when it does not heed that."""
        if self.running:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout_s)
        self.kill()

    def kill(self) -> None:
        """End it at once, with no farewell to the server."""
        if self.running:
            self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.interrupt()

"""ffmpeg: publisher and reader; its `framemd5` muxer is also the ruler for everybody else."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from clients.client import AudioProof, ClientError, FrameChecksums, Media, Program, Transport

PLAY_DEADLINE_S = 40.0


class FfmpegPublisher:
    """`ffmpeg -re -i FILE -c copy -f rtsp URL`."""

    name = "ffmpeg"

    def cannot(self, media: Media, transport: Transport) -> str | None:
        """Return None: every media of these tests is one that ffmpeg can send."""
        return None

    def publish(self, url: str, transport: Transport, media: Media, workdir: Path) -> Program:
        """Publish the file's packets as they are, at their own pace."""
        return Program(
            [
                "ffmpeg",
                *("-hide_banner", "-nostdin", "-loglevel", "warning"),
                "-re",
                *media.recipe.input_options,
                *("-i", str(media.path)),
                *("-map", "0", "-copy_unknown", "-c", "copy"),
                *("-f", "rtsp", "-rtsp_transport", transport.value, url),
            ],
            workdir / "ffmpeg-publisher.log",
        )


class FfmpegReader:
    """`ffmpeg -i URL`, pictures decoded and sound copied into checksums."""

    name = "ffmpeg"

    def cannot(self, media: Media, transport: Transport) -> str | None:
        """Return None: every media of these tests is one that ffmpeg can play."""
        return None

    def play(
        self, url: str, transport: Transport, media: Media, frames: int, workdir: Path
    ) -> FrameChecksums:
        """Play until `frames` pictures are decoded."""
        sums = workdir / "frames.md5"
        sound = workdir / f"sound.{media.recipe.audio_file}"
        argv = [
            "ffmpeg",
            *("-hide_banner", "-nostdin", "-y", "-loglevel", "warning"),
            *("-rtsp_transport", transport.value, "-i", url),
            *checksum_options(media, sums, frames=frames),
        ]
        if media.recipe.audio_proof is AudioProof.BYTES:
            seconds = frames / media.frames_per_second
            argv += ["-map", "0:a", "-c:a", "copy", "-t", f"{seconds:.2f}"]
            argv += ["-f", media.recipe.audio_file, str(sound)]
        Program(argv, workdir / "ffmpeg-reader.log").finish(PLAY_DEADLINE_S)
        video, audio = read_framemd5(sums)
        if media.recipe.audio_proof is AudioProof.BYTES:
            return FrameChecksums(video, audio_bytes=sound.read_bytes())
        return FrameChecksums(video, audio_packets=audio if media.recipe.audio else None)


def checksum_options(media: Media, out: Path, *, frames: int | None) -> list[str]:
    """Output options that write MD5s of decoded pictures and of undecoded sound packets."""
    options = ["-map", "0:v", "-c:v", "rawvideo", "-fps_mode", "passthrough"]
    if frames is not None:
        options += ["-frames:v", str(frames)]
    if media.recipe.audio and media.recipe.audio_proof is AudioProof.PACKETS:
        options += ["-map", "0:a", "-c:a", "copy"]
    return [*options, "-f", "framemd5", str(out)]


def read_framemd5(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split a framemd5 file into the checksums of stream 0 (pictures) and of stream 1 (sound)."""
    video: list[str] = []
    audio: list[str] = []
    if not path.exists():
        raise ClientError(f"no checksums were written to {path.name}")
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            continue
        # stream, dts, pts, duration, size, checksum; side data may follow
        stream, *_, checksum = (part.strip() for part in line.split(",")[:6])
        (video if stream == "0" else audio).append(checksum)
    return tuple(video), tuple(audio)


def packet_checksums(path: Path, *options: str) -> tuple[str, ...]:
    """Checksums of the sound packets that a client has put into a file.

    `options` go to the output: a bitstream filter that takes a container's framing off again.
    """
    if not path.exists() or path.stat().st_size == 0:
        raise ClientError(f"no sound was written to {path.name}")
    sums = path.with_suffix(".md5")
    run_quietly(
        "ffmpeg", "-hide_banner", "-nostdin", "-y", "-loglevel", "error", "-i", str(path),
        "-map", "0:a", "-c", "copy", *options, "-f", "framemd5", str(sums),
    )  # fmt: skip
    return read_framemd5(sums)[0]


def i420_checksums(path: Path, frame_bytes: int) -> tuple[str, ...]:
    """Checksums of the whole pictures in a file of raw I420; a torn last one is left out."""
    sums: list[str] = []
    if not path.exists():
        raise ClientError(f"no pictures were written to {path.name}")
    with path.open("rb") as raw:
        while len(frame := raw.read(frame_bytes)) == frame_bytes:
            sums.append(hashlib.md5(frame).hexdigest())
    return tuple(sums)


def run_quietly(*argv: str, timeout_s: float = 150.0) -> str:
    """Run a tool to its end and return what it printed; raises ClientError on an error."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s)
    if done.returncode != 0:
        raise ClientError(f"{argv[0]} exited with {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout

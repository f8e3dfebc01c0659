"""GStreamer: rtspclientsink publishes, rtspsrc plays."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path

from clients.client import (
    AudioProof,
    ClientError,
    FrameChecksums,
    Media,
    Program,
    Transport,
)
from clients.description import describe
from clients.ffmpeg import i420_checksums, packet_checksums

PLAY_DEADLINE_S = 40.0
LOOK_EVERY_S = 0.1


class GStreamerPublisher:
    """`gst-launch-1.0 … ! rtspclientsink location=URL`."""

    name = "GStreamer"

    def cannot(self, media: Media, transport: Transport) -> str | None:
        """Return None: every media of these tests is one that GStreamer can send."""
        return None

    def publish(self, url: str, transport: Transport, media: Media, workdir: Path) -> Program:
        """Publish the file's packets as they are, at the pace of the pipeline's clock."""
        recipe = media.recipe
        video, audio = recipe.gst_video_publish, recipe.gst_audio_publish
        pipeline = f"rtspclientsink name=s location={url} protocols={transport.value} {trust(url)}"
        pipeline += f"filesrc location={media.path} ! {recipe.gst_demux} name=d "
        pipeline += f"d. ! {video} ! clocksync ! queue ! s. "
        if audio:
            pipeline += f"d. ! {audio} ! clocksync ! queue ! s. "
        return Program(
            ["gst-launch-1.0", "-e", *pipeline.split()], workdir / "gstreamer-publisher.log"
        )


class GStreamerReader:
    """`gst-launch-1.0 rtspsrc location=URL`, decoded to raw I420, sound parsed into a file."""

    name = "GStreamer"

    def cannot(self, media: Media, transport: Transport) -> str | None:
        """Return None: every media of these tests is one that GStreamer can play."""
        return None

    def play(
        self, url: str, transport: Transport, media: Media, frames: int, workdir: Path
    ) -> FrameChecksums:
        """Play until `frames` pictures are in the file, then interrupt it."""
        return play_with(transport.value, url, media, frames, workdir)


def play_with(protocols: str, url: str, media: Media, frames: int, workdir: Path) -> FrameChecksums:
    """Play an URL by one of rtspsrc's `protocols` until `frames` pictures are in the file."""
    recipe = media.recipe
    raw = workdir / "pictures.i420"
    sound = workdir / f"sound.{recipe.audio_file}"
    sink = "filesink buffer-mode=unbuffered async=false sync=false"
    pipeline = f"rtspsrc name=s location={url} protocols={protocols} latency=500 {trust(url)}"
    pipeline += f"s. ! {recipe.gst_video_read} "
    pipeline += f"! video/x-raw,format=I420 ! {sink} location={raw} "
    # rtspclientsink sends AAC as LATM, and rtpmp4adepay leaves its length byte on the first
    # packet (also with no network between payloader and depayloader).
    latm = "MP4A-LATM" in describe(url.replace("rtsps://", "rtsp://")).body
    if recipe.gst_audio_read:
        depayloader = "rtpmp4adepay" if latm else "rtpmp4gdepay"
        read_audio = recipe.gst_audio_read.replace("rtpmp4gdepay", depayloader)
        pipeline += f"s. ! {read_audio} "
        pipeline += f"! {sink} location={sound} "
    program = Program(["gst-launch-1.0", *pipeline.split()], workdir / "gstreamer-reader.log")
    with program:
        wait_for_bytes(program, raw, frames * media.i420_bytes, PLAY_DEADLINE_S)
    video = i420_checksums(raw, media.i420_bytes)
    if not recipe.gst_audio_read:
        return FrameChecksums(video)
    if recipe.audio_proof is AudioProof.BYTES:
        return FrameChecksums(video, audio_bytes=sound.read_bytes())
    options = ("-bsf:a", "aac_adtstoasc") if recipe.audio_file == "adts" else ()
    return FrameChecksums(
        video, audio_packets=packet_checksums(sound, *options), first_sound_torn=latm
    )


def wait_for_bytes(program: Program, path: Path, size_bytes: int, deadline_s: float) -> None:
    """Wait until a client has written that much; raises ClientError when it ends or hangs."""
    give_up = time.monotonic() + deadline_s
    while not path.exists() or path.stat().st_size < size_bytes:
        if not program.running:
            raise ClientError(f"{program.argv[0]} ended early\n{program.last_lines()}")
        if time.monotonic() > give_up:
            written = path.stat().st_size if path.exists() else 0
            raise ClientError(
                f"{program.argv[0]} wrote {written} of {size_bytes} bytes in {deadline_s:.0f} s\n"
                + program.last_lines()
            )
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.process.wait(LOOK_EVERY_S)


def trust(url: str) -> str:
    """Element options for a certificate that nobody has signed."""
    return "tls-validation-flags=0 " if url.startswith("rtsps:") else ""

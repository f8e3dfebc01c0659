"""VLC: cvlc writes what it received into an MPEG-TS file, which is then decoded."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from clients.client import ClientError, FrameChecksums, Media, Program, Transport
from clients.ffmpeg import packet_checksums, read_framemd5, run_quietly
from clients.gstreamer import wait_for_bytes

PLAY_DEADLINE_S = 40.0
UNPRIVILEGED = "nobody"
NO_RTSP = (
    "this VLC is built without live555, its RTSP client (Debian: --disable-live555); "
    "a column live555, where there is one, shows that library played by itself"
)


class VlcReader:
    """`cvlc URL --sout …`; UDP is its default, `--rtsp-tcp` asks for TCP."""

    name = "VLC"

    def cannot(self, media: Media, transport: Transport) -> str | None:
        """Tell whether this build of VLC has an RTSP client at all."""
        return None if has_live555() else NO_RTSP

    def play(
        self, url: str, transport: Transport, media: Media, frames: int, workdir: Path
    ) -> FrameChecksums:
        """Record until a file of `frames` pictures' usual size is there, then decode that."""
        film_frames = media.duration_s * media.frames_per_second
        enough_bytes = media.path.stat().st_size * frames // film_frames
        with playground() as ground:
            recorded = ground / "vlc.ts"
            with start_vlc(url, transport, recorded, ground) as program:
                wait_for_bytes(program, recorded, enough_bytes, PLAY_DEADLINE_S)
            shutil.copy(recorded, workdir / "vlc.ts")
        return read_recorded(workdir / "vlc.ts", media)


def read_recorded(recorded: Path, media: Media) -> FrameChecksums:
    """Checksums of what VLC put into its transport stream file."""
    sums = recorded.with_suffix(".md5")
    run_quietly(
        "ffmpeg", "-hide_banner", "-nostdin", "-y", "-loglevel", "error", "-i", str(recorded),
        "-map", "0:v", "-c:v", "rawvideo", "-fps_mode", "passthrough",
        "-f", "framemd5", str(sums),
    )  # fmt: skip
    video, _ = read_framemd5(sums)
    if media.recipe.ffprobe_audio != "aac":
        return FrameChecksums(video)
    sound = packet_checksums(recorded, "-bsf:a", "aac_adtstoasc")
    return FrameChecksums(video, audio_packets=sound)


def start_vlc(source: str, transport: Transport, recorded: Path, ground: Path) -> Program:
    """Start cvlc recording a URL; as root it needs another user, which it refuses to be."""
    options = ["--rtsp-tcp"] if transport is Transport.TCP else []
    chain = f"#std{{access=file,mux=ts,dst={recorded}}}"
    argv = ["cvlc", "--no-sout-smem", *options, source, "--sout", chain, "--sout-all"]
    return Program(
        [*unprivileged(), *argv], ground / "vlc.log", {**os.environ, "HOME": str(ground)}
    )


def unprivileged() -> list[str]:
    """Command words that drop root's rights."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid", UNPRIVILEGED, "--regid", "nogroup", "--clear-groups"]


@contextlib.contextmanager
def playground() -> Iterator[Path]:
    """A folder that VLC's own user may write to."""
    folder = Path(tempfile.mkdtemp(prefix="vlc-"))
    if os.geteuid() == 0:
        shutil.chown(folder, UNPRIVILEGED, "nogroup")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@functools.cache
def has_live555() -> bool:
    """Ask VLC for its modules: live555 is the only one that plays `rtsp://` media."""
    with playground() as ground:
        listed = subprocess.run(
            [*unprivileged(), "cvlc", "--list"],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "HOME": str(ground)},
        )
    if listed.returncode != 0:
        raise ClientError(f"cvlc --list exited with {listed.returncode}\n{listed.stderr[-500:]}")
    return "live555" in listed.stdout

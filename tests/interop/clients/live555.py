"""live555, the RTSP client library of VLC, for where VLC itself comes without it.

`tests/interop/live555/build .venv/bin/live555-record` makes its player; without that program the
column is left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

from clients.client import FrameChecksums, Media, Program, Transport
from clients.ffmpeg import read_framemd5, run_quietly

PLAYER = Path(sys.executable).with_name("live555-record")
PLAY_DEADLINE_S = 40.0
EXTRA_S = 1.0  # for the library's own start


class Live555Reader:
    """`live555-record URL udp|tcp FOLDER SECONDS`."""

    name = "live555"

    def cannot(self, media: Media, transport: Transport) -> str | None:
        """Tell which films the little player has no sink for."""
        plain = media.recipe.ffprobe_video == "h264" and not media.recipe.input_options
        return None if plain else "live555-record writes H.264 and AAC only"

    def play(
        self, url: str, transport: Transport, media: Media, frames: int, workdir: Path
    ) -> FrameChecksums:
        """Record for the time of `frames` pictures, then decode."""
        seconds = frames / media.frames_per_second + EXTRA_S
        Program(
            [str(PLAYER), url, transport.value, str(workdir), f"{seconds:.2f}"],
            workdir / "live555.log",
        ).finish(PLAY_DEADLINE_S)
        sums = workdir / "live555.md5"
        run_quietly(
            "ffmpeg", "-hide_banner", "-nostdin", "-y", "-loglevel", "error",
            "-i", str(workdir / "video.h264"), "-fps_mode", "passthrough",
            "-f", "framemd5", str(sums),
        )  # fmt: skip
        video, _ = read_framemd5(sums)
        # The recording stops in the middle of a picture.
        sound = (workdir / "audio.raw").read_bytes()
        return FrameChecksums(video[:-1], audio_bytes=sound)

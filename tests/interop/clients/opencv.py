"""OpenCV: `cv2.VideoCapture` with its ffmpeg back end. It plays pictures only."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from clients.client import FrameChecksums, Media, PixelForm, Program, Transport

PLAY_DEADLINE_S = 40.0


class OpenCvReader:
    """`cv2.VideoCapture(URL, cv2.CAP_FFMPEG)`."""

    name = "OpenCV"

    def cannot(self, media: Media, transport: Transport) -> str | None:
        """Return None: every media of these tests has a picture that OpenCV can play."""
        return None

    def play(
        self, url: str, transport: Transport, media: Media, frames: int, workdir: Path
    ) -> FrameChecksums:
        """Play until `frames` pictures are decoded."""
        options = f"rtsp_transport;{transport.value}"
        return FrameChecksums(
            opencv_checksums(url, frames, workdir, options), form=PixelForm.OPENCV_BGR
        )


def opencv_checksums(
    source: str, frames: int | None, workdir: Path, options: str = ""
) -> tuple[str, ...]:
    """Checksums of the BGR pictures that OpenCV reads from a file or URL (all for None)."""
    script, out = Path(__file__).with_name("opencv_play.py"), workdir / "opencv.json"
    Program(
        [sys.executable, str(script), source, str(frames or 0), str(out)],
        workdir / "opencv-reader.log",
        {**os.environ, "OPENCV_FFMPEG_CAPTURE_OPTIONS": options},
    ).finish(PLAY_DEADLINE_S)
    return tuple(json.loads(out.read_text()))

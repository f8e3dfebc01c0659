"""The clients by name, and their versions."""

from __future__ import annotations

import subprocess
from importlib import metadata

from clients import vlc
from clients.client import Publisher, Reader
from clients.ffmpeg import FfmpegPublisher, FfmpegReader
from clients.gstreamer import GStreamerPublisher, GStreamerReader
from clients.opencv import OpenCvReader
from clients.pyav import PyAvPublisher, PyAvReader
from clients.vlc import VlcReader

PUBLISHERS: tuple[Publisher, ...] = (FfmpegPublisher(), GStreamerPublisher(), PyAvPublisher())
READERS: tuple[Reader, ...] = (
    FfmpegReader(),
    GStreamerReader(),
    VlcReader(),
    OpenCvReader(),
    PyAvReader(),
)


def versions() -> dict[str, str]:
    """Version of each client as it says so itself."""
    return {
        "ffmpeg": _first_line("ffmpeg", "-version").split()[2],
        "GStreamer": _first_line("gst-launch-1.0", "--version").split()[-1],
        "VLC": vlc.version(),
        "OpenCV": metadata.version("opencv-python-headless"),
        "PyAV": metadata.version("av"),
    }


def _first_line(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True).stdout.splitlines()[0]

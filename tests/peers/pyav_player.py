"""Lets PyAV play a URL in the test's own process: which pictures it decodes, and when they came."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np

from headwater.testing import number_of

DEADLINE_US = "20000000"


@dataclass(frozen=True)
class Picture:
    """A decoded picture: the number in it, when it came, and its time in the stream."""

    number: int
    came_s: float
    pts_s: float


def pictures_of(url: str, count: int, *, transport: str = "tcp") -> list[Picture]:
    """The first pictures that PyAV decodes; fewer where the stream ends or breaks before."""
    return [picture for picture, _ in zip(_pictures(url, transport), range(count), strict=False)]


def _pictures(url: str, transport: str) -> Iterator[Picture]:
    options = {"rtsp_transport": transport, "timeout": DEADLINE_US, "fpsprobesize": "0"}
    with av.open(url, options=options) as stream:
        stream.streams.video[0].thread_type = "NONE"
        frames = stream.decode(video=0)
        while True:
            try:
                frame = next(frames)
            except (av.FFmpegError, StopIteration):
                return
            luma = frame.to_ndarray(format="gray").astype(np.uint8)
            yield Picture(number_of(luma.tobytes()), time.monotonic(), frame.time or 0.0)


def sound_of(url: str, seconds: float) -> tuple[np.ndarray, int]:
    """The first sound that PyAV decodes, of one channel, and its rate."""
    parts: list[np.ndarray] = []
    options = {"rtsp_transport": "tcp", "timeout": DEADLINE_US}
    with av.open(url, options=options) as stream:
        rate_hz = stream.streams.audio[0].rate
        for frame in stream.decode(audio=0):
            shown = frame.to_ndarray().astype(float)
            # Packed stereo stands in one row; one of its channels will do.
            step = 1 if shown.shape[0] > 1 or frame.layout.nb_channels == 1 else 2
            parts.append(shown[0][::step])
            if sum(map(len, parts)) >= seconds * rate_hz:
                break
    return np.concatenate(parts), rate_hz

"""Frames of what lies in shared memory, without a copy where that can be."""

from __future__ import annotations

import numpy as np
from av import AudioFrame, VideoFormat, VideoFrame
from numpy.typing import NDArray

from headwater.libav.decoding.apart.laid_frame import Laid, LaidPicture, LaidSound
from headwater.libav.decoding.decoder import Decoded
from headwater.libav.decoding.wishes import MOST_PIXELS

_VIEWED = frozenset(("yuv420p", "yuvj420p"))
"""Of these PyAV makes frames without a copy, where their lines are as it wants them."""
_MOST_SAMPLES = 1 << 20
_MOST_RATE_HZ = 768_000


def frame_of(laid: Laid, data: NDArray[np.uint8]) -> Decoded:
    """Return the frame whose bytes these are; a picture is a view of them where that can be.

    Nothing of what the other process says is believed before it is looked at.

    Raises ValueError where it makes no sense.
    """
    if isinstance(laid, LaidSound):
        return _sound_of(laid, data)
    width, height = laid.width, laid.height
    if not (0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS and width * height <= len(data)):
        raise ValueError(f"a picture of {width}x{height} in {len(data)} bytes")
    video = _view_of(laid, data) or _copy_of(laid, data)
    video.color_range = laid.color_range
    video.colorspace = laid.colorspace
    return video


def _view_of(laid: LaidPicture, data: NDArray[np.uint8]) -> VideoFrame | None:
    """Return a picture that is no copy; None where its lines are not as PyAV wants them."""
    width, height = laid.width, laid.height
    luma = laid.planes[0] if laid.planes else 0
    line_bytes = luma // height
    if (
        laid.pixel_format not in _VIEWED
        or height % 4
        or line_bytes % 8
        or line_bytes < width
        or laid.planes != (line_bytes * height, luma // 4, luma // 4)
    ):
        return None
    lines = data.reshape(height * 3 // 2, line_bytes)
    try:
        return VideoFrame.from_numpy_buffer(lines, laid.pixel_format, width)
    except (TypeError, ValueError):
        return None


def _copy_of(laid: LaidPicture, data: NDArray[np.uint8]) -> VideoFrame:
    VideoFormat(laid.pixel_format)
    video = VideoFrame(laid.width, laid.height, laid.pixel_format)
    if len(video.planes) != len(laid.planes):
        raise ValueError(f"{laid.pixel_format} with {len(laid.planes)} planes")
    at = 0
    for plane, size_bytes in zip(video.planes, laid.planes, strict=True):
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)
        given = data[at : at + size_bytes].reshape(plane.height, -1)
        width_bytes = min(lines.shape[1], given.shape[1])
        lines[:, :width_bytes] = given[:, :width_bytes]
        at += size_bytes
    return video


def _sound_of(laid: LaidSound, data: NDArray[np.uint8]) -> AudioFrame:
    if not (0 < laid.samples <= _MOST_SAMPLES and 0 < laid.sample_rate_hz <= _MOST_RATE_HZ):
        raise ValueError(f"{laid.samples} samples at {laid.sample_rate_hz} Hz")
    audio = AudioFrame(laid.sample_format, laid.layout, laid.samples)
    audio.sample_rate = laid.sample_rate_hz
    if len(audio.planes) != len(laid.planes):
        raise ValueError(f"{laid.sample_format}, {laid.layout} with {len(laid.planes)} planes")
    at = 0
    for plane, size_bytes in zip(audio.planes, laid.planes, strict=True):
        samples = np.frombuffer(memoryview(plane), np.uint8)
        used = min(len(samples), size_bytes)
        samples[:used] = data[at : at + used]
        at += size_bytes
    return audio

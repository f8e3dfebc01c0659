"""Frames that were laid into memory are what they were, and nonsense is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from av import AudioFrame, VideoFrame

from headwater.libav.decoding.apart.laid_frame import Laid, LaidPicture, LaidSound, lay
from headwater.libav.decoding.apart.seen_frame import frame_of
from headwater.libav.decoding.decoder import Decoded

FORMATS = [
    "yuv420p",
    "yuvj420p",
    "yuvj422p",
    "yuv444p",
    "nv12",
    "gray",
    "yuv420p10le",
    "rgb24",
    "gbrp",
]
SIZES = [(640, 480), (322, 242), (176, 144), (33, 17)]


def picture(width: int, height: int, pixel_format: str) -> VideoFrame:
    noise = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)
    frame = VideoFrame.from_ndarray(noise, format="rgb24").reformat(format=pixel_format)
    frame.pts = 7
    return frame


def over(frame: Decoded, memory: bytearray | None = None) -> tuple[Laid, np.ndarray[Any, Any]]:
    room = bytearray(1 << 22) if memory is None else memory
    laid = lay(frame, 5, 2, memoryview(room))
    return laid, np.frombuffer(room, np.uint8, sum(laid.planes))


def lines_of(frame: VideoFrame) -> list[bytes]:
    """What each plane shows, without the padding of its lines."""
    tight = frame.reformat(format="rgb24").to_ndarray()
    return [tight.tobytes()]


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_picture_is_what_it_was(width: int, height: int, pixel_format: str) -> None:
    frame = picture(width, height, pixel_format)
    frame.color_range = 2
    laid, data = over(frame)
    seen = frame_of(laid, data)
    assert isinstance(seen, VideoFrame)
    assert (seen.width, seen.height, seen.format.name) == (width, height, pixel_format)
    assert (int(seen.color_range), int(seen.colorspace)) == (2, int(frame.colorspace))
    assert lines_of(seen) == lines_of(frame)


def test_the_usual_picture_is_no_copy() -> None:
    frame = picture(640, 480, "yuv420p")
    laid, data = over(frame)
    seen = frame_of(laid, data)
    assert isinstance(seen, VideoFrame)
    assert np.shares_memory(np.frombuffer(memoryview(seen.planes[0]), np.uint8), data)


@pytest.mark.parametrize(
    ("sample_format", "layout"), [("fltp", "stereo"), ("s16", "mono"), ("fltp", "5.1")]
)
def test_sound_is_what_it_was(sample_format: str, layout: str) -> None:
    frame = AudioFrame(sample_format, layout, 480)
    frame.sample_rate = 48_000
    for number, plane in enumerate(frame.planes):
        plane.update(bytes([number + 1]) * plane.buffer_size)
    laid, data = over(frame)
    seen = frame_of(laid, data)
    assert isinstance(seen, AudioFrame)
    assert (seen.samples, seen.sample_rate, seen.layout.name) == (480, 48_000, layout)
    assert np.array_equal(seen.to_ndarray(), frame.to_ndarray())


def test_what_is_too_large_is_not_laid() -> None:
    with pytest.raises(ValueError, match="does not fit into 100"):
        over(picture(640, 480, "yuv420p"), bytearray(100))


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0},
        {"height": -1},
        {"width": 1 << 30},
        {"height": 1 << 14},
        {"pixel_format": "nonsense"},
        {"pixel_format": "gray"},
        {"planes": (10, 10, 10)},
        {"planes": ()},
    ],
    ids=str,
)
def test_what_is_said_of_a_picture_is_not_believed(change: dict[str, Any]) -> None:
    laid, data = over(picture(640, 480, "yuv420p"))
    assert isinstance(laid, LaidPicture)
    wrong = replace(laid, **change)
    with pytest.raises(ValueError):  # noqa: PT011 - of many kinds
        frame_of(wrong, data[: sum(wrong.planes)])


@pytest.mark.parametrize(
    "change",
    [
        {"samples": 0},
        {"samples": 1 << 40},
        {"sample_rate_hz": 0},
        {"sample_format": "nonsense"},
        {"layout": "nonsense"},
        {"layout": "5.1"},
    ],
    ids=str,
)
def test_what_is_said_of_sound_is_not_believed(change: dict[str, Any]) -> None:
    frame = AudioFrame("fltp", "stereo", 480)
    frame.sample_rate = 48_000
    laid, data = over(frame)
    assert isinstance(laid, LaidSound)
    with pytest.raises(ValueError):  # noqa: PT011 - of many kinds
        frame_of(replace(laid, **change), data)

"""Arrays of a program to libav's frames; what does not fit is refused with what to do."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

PICTURE_FORMATS = {"bgr24": 3, "rgb24": 3, "gray": 0, "bgra": 4, "rgba": 4}
"""libav's names of how arrays of pictures may be, with values a pixel; grey has no third axis."""


@runtime_checkable
class Shown(Protocol):
    """A frame that was decoded here, or another object that has one of PyAV's."""

    @property
    def video(self) -> VideoFrame:
        """The frame as PyAV has it."""


def picture_of(picture: object, width: int, height: int, pixel_format: str) -> VideoFrame:
    """Return a picture as libav has it: a copy, so that the program may go on with its array.

    Args:
        picture: an array, an object that numpy makes one of, or a decoded frame.
        width: that it has to have, in pixels.
        height: that it has to have, in pixels.
        pixel_format: of the array.

    Raises:
        ValueError: its shape or type is another one.
    """
    if isinstance(picture, Shown):
        picture = picture.video
    if isinstance(picture, VideoFrame):
        if (picture.width, picture.height) != (width, height):
            raise ValueError(_other_size(picture.width, picture.height, width, height))
        return picture
    array = _array_of(picture)
    values = PICTURE_FORMATS[pixel_format]
    shape = (height, width, values) if values else (height, width)
    if array.shape != shape or array.dtype != np.uint8:
        raise ValueError(_misfit(array, shape, pixel_format))
    return VideoFrame.from_ndarray(np.ascontiguousarray(array), format=pixel_format)


def size_of(picture: object) -> tuple[int, int]:
    """Return width and height of a picture. Raises ValueError for what is none."""
    if isinstance(picture, Shown):
        picture = picture.video
    if isinstance(picture, VideoFrame):
        return picture.width, picture.height
    array = _array_of(picture)
    if array.ndim not in (2, 3):
        raise ValueError(f"a picture is an array of height and width, not {array.shape}")
    height, width = array.shape[:2]
    return width, height


def samples_of(samples: object, channels: int) -> NDArray[np.float32]:
    """Return sound as `(samples, channels)` from -1 to 1.

    Args:
        samples: an array of `(samples, channels)`, or `(samples,)` for one channel: floating
            point from -1 to 1, or 16-bit integers.
        channels: that it has to have.

    Raises:
        ValueError: its shape or type is another one.
    """
    array = _array_of(samples)
    given = f"{array.shape} of {array.dtype}"
    if array.ndim == 1 and channels == 1:
        array = array[:, np.newaxis]
    if array.ndim != 2 or array.shape[1] != channels:
        raise ValueError(
            f"sound is an array of (samples, {channels}), not {given}; `channels` of"
            " publish_frames says how many channels there are"
        )
    if array.dtype == np.int16:
        return array.astype(np.float32) / 32_768.0
    if array.dtype.kind != "f":
        raise ValueError(f"samples are float from -1 to 1, or int16, not {given}")
    return np.clip(array.astype(np.float32), -1.0, 1.0)


def _array_of(given: object) -> NDArray[Any]:
    if isinstance(given, np.ndarray):
        return given
    if hasattr(given, "__dlpack__"):
        return np.from_dlpack(given)
    if hasattr(given, "__array__"):
        return np.asarray(given)
    raise ValueError(f"an array is needed, not {type(given).__name__}")


def _misfit(array: NDArray[Any], shape: tuple[int, ...], pixel_format: str) -> str:
    """Say what is wrong with an array, and what to do about the first of it."""
    wanted = f"a picture of {pixel_format} is an array of {shape} of uint8"
    remedy = ""
    if array.dtype != np.uint8:
        remedy = "bring its values to 0 to 255, then `.astype('uint8')`"
    elif array.ndim in (2, 3) and array.shape[:2] == shape[:2]:
        fits = [name for name, values in PICTURE_FORMATS.items() if _values(array) == values]
        names = " or ".join(f"format={name!r}" for name in fits)
        remedy = f"say {names} to publish_frames" if fits else "leave out what is no colour"
    elif array.ndim in (2, 3):
        height, width = array.shape[:2]
        return f"{wanted}, not {array.shape}; {_other_size(width, height, shape[1], shape[0])}"
    return f"{wanted}, not {array.shape} of {array.dtype}" + (f"; {remedy}" if remedy else "")


def _values(array: NDArray[Any]) -> int:
    return array.shape[2] if array.ndim == 3 else 0


def _other_size(width: int, height: int, wanted_width: int, wanted_height: int) -> str:
    return (
        f"a picture of {width}x{height} does not fit a stream of {wanted_width}x{wanted_height}:"
        f" resize it, or publish anew with size=({width}, {height})"
    )

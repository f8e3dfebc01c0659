"""A decoded picture, shared by everybody who takes it: each conversion of it is made once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from av import VideoFrame

from headwater.libav.decoding.coded_unit import CodedUnit
from headwater.libav.decoding.conversion import converted
from headwater.libav.decoding.place import Place
from headwater.libav.decoding.still_image import encode_still

T = TypeVar("T")

Size = tuple[int | None, int | None]
"""Width and height in pixels; the one that is None follows from the other and the picture."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a consumer wants its pictures.

    Attributes:
        size: width and height; None as they come.
        pixel_format: one of libav's names, such as `bgr24`, `rgb24`, `gray`; None as they come.
    """

    size: Size | None = None
    pixel_format: str | None = None

    def pixels_of(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height of a picture of this size in this shape."""
        wanted_width, wanted_height = self.size or (None, None)
        if wanted_width is None and wanted_height is None:
            return width, height
        if wanted_width is None:
            wanted_width = _even(width * (wanted_height or height) / height)
        if wanted_height is None:
            wanted_height = _even(height * wanted_width / width)
        return wanted_width, wanted_height


AS_IT_COMES = Shape()


class Picture:
    """One picture as the decoder gave it.

    Attributes:
        video: libav's frame; not to be written to.
        unit: what it was decoded from.
        place: among the pictures of its source.
        conversions: those that were begun, by their shapes; for the loop alone.
    """

    __slots__ = ("_lock", "_made", "conversions", "place", "unit", "video")

    def __init__(self, video: VideoFrame, unit: CodedUnit, place: Place) -> None:
        self.video = video
        self.unit = unit
        self.place = place
        self.conversions: dict[Shape, asyncio.Future[VideoFrame]] = {}
        self._lock = threading.RLock()
        self._made: dict[Hashable, Any] = {}

    def in_shape(self, shape: Shape) -> VideoFrame:
        """Return the picture in a shape; from any thread. Raises ValueError for an unknown one."""
        video = self.video
        width, height = shape.pixels_of(video.width, video.height)
        pixel_format = shape.pixel_format or video.format.name
        if (width, height, pixel_format) == (video.width, video.height, video.format.name):
            return video

        def convert() -> VideoFrame:
            return converted(video, width, height, pixel_format)

        return self._once((width, height, pixel_format), convert)

    def still(self, codec: str, shape: Shape, quality: int) -> bytes:
        """Return the picture as a JPEG or PNG file; from any thread."""

        def encode() -> bytes:
            return encode_still(self.in_shape(shape), codec, quality)

        return self._once((codec, shape.size, quality), encode)

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        # An RLock: a still is made of a picture in shape. Who asks meanwhile waits for its maker.
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            made: T = self._made[key]
            return made


def _even(pixels: float) -> int:
    """Chroma planes of most formats have half the size of the picture."""
    return max(2, round(pixels / 2) * 2)

"""What a program gets: one picture, with what is known of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from headwater.libav.decoding.coded_unit import CodedUnit
from headwater.libav.decoding.decoded_frame import DecodedFrame, Missed
from headwater.libav.decoding.picture import Picture, Shape
from headwater.libav.decoding.place import Place

_PLANES_BEGIN_GREY = frozenset(
    ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "gray")
)
"""Formats with 8 bits of brightness a pixel in a plane of its own, the first one."""


class Frame(DecodedFrame):
    """One decoded picture. Its bytes are shared with others: do not write to views of it.

    Made by `RtspServer.frames`, `latest_frame` and those of `ThreadedRtspServer`.
    """

    __slots__ = ("_picture", "_shape")

    def __init__(self, picture: Picture, shape: Shape, missed: Missed) -> None:
        super().__init__(picture.unit, picture.place, missed)
        self._picture = picture
        self._shape = shape

    def __repr__(self) -> str:
        """Which frame, its size, and its time."""
        return f"<Frame {self.index} {self.width}x{self.height} at {self.pts_s:.3f} s>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process as it was asked for, without what it was decoded from."""
        unit = replace(self._unit, unit=replace(self._unit.unit, units=()))
        video = self.video
        missed = Missed(self.skipped, self.gap, self.undecoded)
        wanted = self._shape.pixel_format
        place = self._picture.place
        return _received, (video.to_ndarray(), video.format.name, wanted, unit, place, missed)

    @property
    def width(self) -> int:
        """In pixels, as it was asked for."""
        return self._pixels[0]

    @property
    def height(self) -> int:
        """In pixels, as it was asked for."""
        return self._pixels[1]

    @property
    def key_frame(self) -> bool:
        """Whether it was coded without others."""
        return self._unit.unit.key_frame

    @property
    def video(self) -> VideoFrame:
        """The frame as PyAV has it, in the shape that was asked for."""
        return self._picture.in_shape(self._shape)

    @property
    def planes(self) -> tuple[memoryview, ...]:
        """The bytes of each plane, with the padding at the end of its lines; no copy."""
        return tuple(memoryview(plane) for plane in self.video.planes)

    def array(self, pixel_format: str | None = None) -> NDArray[Any]:
        """Return the picture as an array of `(height, width, 3)`, or `(height, width)` for grey.

        Args:
            pixel_format: `bgr24` as OpenCV has it unless given or asked for; `rgb24`, `gray`, or
                another name of libav.

        Raises:
            ValueError: no such format.
        """
        wanted = pixel_format or self._shape.pixel_format or "bgr24"
        if wanted == "gray":
            return self.gray()
        return self._picture.in_shape(Shape(self._shape.size, wanted)).to_ndarray()

    def gray(self) -> NDArray[np.uint8]:
        """Return its brightness as a read-only view of `(height, width)`: nothing is copied."""
        shape = Shape(self._shape.size)
        video = self._picture.in_shape(shape)
        if video.format.name not in _PLANES_BEGIN_GREY:
            video = self._picture.in_shape(Shape(self._shape.size, "gray"))
        plane = video.planes[0]
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        view: NDArray[np.uint8] = lines[: video.height, : video.width]
        view.flags.writeable = False
        return view

    def __dlpack__(self, **arguments: Any) -> Any:
        """Give the array of the shape that was asked for to torch, cupy, jax: no copy of it."""
        return self.array().__dlpack__(**arguments)

    def __dlpack_device__(self) -> tuple[int, int]:
        """Where the array is: the processor's own memory."""
        return 1, 0

    def still(self, codec: str, quality: int = 85) -> bytes:
        """Return it as a file: `jpeg`, of a quality from 1 to 100, or `png`.

        It is made once, whoever asks. Raises ValueError for another codec or quality.
        """
        return self._picture.still(codec, Shape(self._shape.size), quality)

    def jpeg(self, quality: int = 85) -> bytes:
        """Return it as a JPEG file; quality is 1 to 100."""
        return self.still("jpeg", quality)

    def _repr_jpeg_(self) -> bytes:
        """Show it in a cell of a notebook (IPython's name)."""
        return self.jpeg()

    def png(self) -> bytes:
        """Return it as a PNG file."""
        return self.still("png")

    @property
    def _pixels(self) -> tuple[int, int]:
        video = self._picture.video
        return self._shape.pixels_of(video.width, video.height)


def _received(
    array: NDArray[Any],
    name: str,
    wanted: str | None,
    unit: CodedUnit,
    place: Place,
    missed: Missed,
) -> Frame:
    """Make a frame of what came from another process."""
    video = VideoFrame.from_ndarray(array, format=name)
    return Frame(Picture(video, unit, place), Shape(None, wanted), missed)

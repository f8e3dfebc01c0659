"""What H.264 and H.265 tell alike of the picture: its size, how it is cut, rate and order."""

from typing import Protocol

from headwater.codecs.bits import BitReader, BitsEnd

_CHROMA_UNITS = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}
"""SubWidthC and SubHeightC by chroma format (table 6-1 of both)."""
_MOST_PIXELS = 0xFFFF


class PictureSps(Protocol):
    """A sequence parameter set, as far as it tells of the picture."""

    @property
    def width(self) -> int:
        """Of the picture that is shown, in pixels."""

    @property
    def height(self) -> int:
        """Of the picture that is shown, in pixels."""

    @property
    def frame_rate_hz(self) -> float | None:
        """Pictures per second, where the stream tells."""

    @property
    def reorder_frames(self) -> int | None:
        """How many pictures come in front of one that is shown before them; None: not told."""


class PictureConfig:
    """What a decoder is set up with, asked for what its first SPS says of the picture."""

    __slots__ = ()

    first: PictureSps

    @property
    def width(self) -> int:
        """Of the picture that is shown, in pixels."""
        return self.first.width

    @property
    def height(self) -> int:
        """Of the picture that is shown, in pixels."""
        return self.first.height

    @property
    def frame_rate_hz(self) -> float | None:
        """Pictures per second, where the stream tells."""
        return self.first.frame_rate_hz

    @property
    def reorder_frames(self) -> int | None:
        """How many pictures come in front of one that is shown before them; None: not told."""
        return self.first.reorder_frames


def shown_size(
    bits: BitReader, width: int, height: int, *, chroma_format: int, separate: bool, fields: int = 1
) -> tuple[int, int]:
    """Read how the coded picture is cut; return the size that is shown.

    Args:
        bits: stands at the flag that says whether it is cut.
        width: of the coded picture, in pixels.
        height: of the coded picture, in pixels.
        chroma_format: `chroma_format_idc`.
        separate: whether the colour planes are coded apart.
        fields: 2 where the height is counted in fields of which a frame has two.

    Raises:
        BitsEnd: the size is none that a picture can have.
    """
    if bits.flag():
        across, down = (1, 1) if separate else _CHROMA_UNITS[chroma_format]
        width -= across * (bits.golomb() + bits.golomb())
        height -= down * fields * (bits.golomb() + bits.golomb())
    if not (0 < width <= _MOST_PIXELS and 0 < height <= _MOST_PIXELS):
        raise BitsEnd(f"a picture of {width}x{height}")
    return width, height

"""A picture as a file of its own: JPEG or PNG, by libav."""

from fractions import Fraction
from typing import cast

from av import VideoCodecContext, VideoFrame
from av.codec.context import CodecContext
from av.video.reformatter import ColorRange, VideoReformatter

_ENCODERS = {"jpeg": ("mjpeg", "yuvj420p"), "png": ("png", "rgb24")}
"""libav's encoder, and the pixel format that it takes."""
_BEST_SCALE, _WORST_SCALE = 2, 31
"""Of the quantizer that libav's JPEG encoder knows."""


def encode_still(video: VideoFrame, codec: str, quality: int = 85) -> bytes:
    """Return a picture as a file.

    Args:
        video: the picture.
        codec: `jpeg` or `png`.
        quality: of a JPEG, 1 to 100.

    Raises:
        ValueError: a codec or a quality that is none.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"quality is 1 to 100, not {quality}")
    if codec not in _ENCODERS:
        raise ValueError(f"a picture is a file of {' or '.join(_ENCODERS)}, not {codec}")
    name, pixel_format = _ENCODERS[codec]
    picture = VideoReformatter().reformat(
        video, format=pixel_format, dst_color_range=ColorRange.JPEG
    )
    encoder = cast("VideoCodecContext", CodecContext.create(name, "w"))
    encoder.width, encoder.height = picture.width, picture.height
    encoder.pix_fmt = picture.format.name
    encoder.time_base = Fraction(1, 25)
    if codec == "jpeg":
        scale = round(_WORST_SCALE - (_WORST_SCALE - _BEST_SCALE) * (quality - 1) / 99)
        encoder.qmin = encoder.qmax = scale
    picture.pts = 0
    return b"".join(bytes(packet) for packet in (*encoder.encode(picture), *encoder.encode(None)))

"""Pictures to access units by libav, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, cast

from av import CodecContext, Packet, VideoCodecContext, VideoFrame
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.quirks import annex_b_units
from headwater.libav.encoding.encoder_table import EncoderKind
from headwater.libav.encoding.wishes import VideoCodec, VideoWishes
from headwater.protocol.payload import h264, h265

CLOCK_RATE_HZ = 90_000
"""RFC 6184 §8.2.1, RFC 7798 §7.1: of H.264 and H.265."""
_SMPTE170M = 6
"""ITU-T H.264 table E-5: the matrix of BT.601, which players assume that do not look."""
_BUFFER_S = 0.5
"""How much of the bit rate may come at once: a key frame is larger than other pictures."""

Coded = tuple[int, AccessUnit]
"""An access unit, and its time counted on past 32 bits, in units of the clock rate."""


class VideoEncoder:
    """Codes pictures in the order in which they come: none refers to a later one."""

    def __init__(self, kind: EncoderKind, wishes: VideoWishes) -> None:
        """Open an encoder. Raises av.FFmpegError or ValueError where libav cannot."""
        context = cast("VideoCodecContext", CodecContext.create(kind.name, "w"))
        context.width, context.height = wishes.width, wishes.height
        context.pix_fmt = kind.pixel_format
        context.time_base = Fraction(1, CLOCK_RATE_HZ)
        context.framerate = Fraction(wishes.fps).limit_denominator(1_001)
        context.bit_rate = wishes.bit_rate_bps
        # Key frames are forced by time; this is for encoders that cannot be told.
        context.gop_size = max(1, round(2 * wishes.fps * wishes.key_frame_interval_s))
        # WebRTC and simple players show pictures in the order in which they come.
        context.max_b_frames = 0
        context.colorspace, context.color_range = _SMPTE170M, ColorRange.MPEG
        context.options = {
            "maxrate": str(wishes.bit_rate_bps),
            "bufsize": str(round(wishes.bit_rate_bps * _BUFFER_S)),
            **kind.options(wishes.latency),
        }
        context.open()
        self._context = context
        self._codec = wishes.codec
        self._pixel_format = kind.pixel_format
        self._reformatter = VideoReformatter()
        self._interval = round(wishes.key_frame_interval_s * CLOCK_RATE_HZ)
        self._next_key_frame: int | None = None

    def encode(
        self, picture: VideoFrame, position: int, *, key_frame: bool = False
    ) -> Sequence[Coded]:
        """Take the next picture; return what is done.

        Args:
            picture: of the size that was wished for; it is not written to.
            position: when it is shown, in units of 90 kHz; later than the one before.
            key_frame: whether a decoder has to be able to begin with it.
        """
        frame = self._reformatter.reformat(
            picture,
            format=self._pixel_format,
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.MPEG,
        )
        if frame is picture:
            frame = VideoFrame.from_ndarray(picture.to_ndarray(), format=self._pixel_format)
        frame.pts, frame.time_base = position, Fraction(1, CLOCK_RATE_HZ)
        if key_frame or self._next_key_frame is None or position >= self._next_key_frame:
            self._next_key_frame = position + self._interval
            frame.pict_type = PictureType.I
        else:
            frame.pict_type = PictureType.NONE
        return self._coded(self._context.encode(frame))

    def flush(self) -> Sequence[Coded]:
        """Return what is still inside; nothing may follow."""
        return self._coded(self._context.encode(None))

    def _coded(self, packets: Sequence[Packet[Any]]) -> list[Coded]:
        coded = []
        for packet in packets:
            position = packet.pts or 0
            units = tuple(
                unit
                for unit in annex_b_units(bytes(packet))
                if not _is_delimiter(self._codec, unit)
            )
            unit = AccessUnit(position & 0xFFFFFFFF, units, key_frame=packet.is_keyframe)
            coded.append((position, unit))
        return coded


def _is_delimiter(codec: VideoCodec, unit: bytes) -> bool:
    # RTP marks where a picture ends.
    if codec is VideoCodec.H264:
        return unit[0] & h264.TYPE_BITS == h264.DELIMITER
    return h265.unit_type(unit[0]) == h265.DELIMITER

"""What an SPS of H.264 says: written bit by bit, and by real encoders."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest
from bit_text import packed, ue

from headwater.codecs.bits import BitsEnd, BitWriter
from headwater.codecs.h264.parameters import H264Sps


def golomb(bits: BitWriter, *values: int) -> None:
    for value in values:
        bits.bits(value + 1, 2 * (value + 1).bit_length() - 1)


def sps(
    *,
    profile: int = 77,
    order: tuple[int, ...] = (0, 4),
    columns: int = 120,
    rows: int = 68,
    frames_only: bool = True,
    crop: tuple[int, int, int, int] = (0, 0, 0, 0),
    restriction: int | None = None,
    chroma: int | None = None,
) -> bytes:
    """An SPS with what the arguments say and nothing else."""
    bits = BitWriter()
    bits.bits(0x67, 8)
    bits.bits(profile << 16 | 40, 24)
    golomb(bits, 3)
    if chroma is not None:
        golomb(bits, chroma)
        if chroma == 3:
            bits.bits(0, 1)
        golomb(bits, 2, 1)
        bits.bits(0b11, 2)
        # The first list is flat and ends at once, the others are not there.
        bits.bits(1, 1)
        bits.bits(0b000010001, 9)
        bits.bits(0, 11 if chroma == 3 else 7)
    golomb(bits, 0, *order, 4)
    bits.bits(0, 1)
    golomb(bits, columns - 1, rows - 1)
    bits.bits(1 if frames_only else 0b00, 1 if frames_only else 2)
    bits.bits(1, 1)
    bits.bits(any(crop), 1)
    if any(crop):
        golomb(bits, *crop)
    bits.bits(restriction is not None, 1)
    if restriction is not None:
        bits.bits(0b0000, 4)
        bits.bits(1, 1)
        bits.bits(1_001, 32)
        bits.bits(60_000, 32)
        bits.bits(0b1_0_0_0_1_1, 6)
        golomb(bits, 0, 0, 10, 10, restriction, 4)
    bits.bits(1, 1)
    return bits.content()


@pytest.mark.parametrize(
    ("unit", "size", "reorder"),
    [
        (sps(crop=(0, 0, 0, 4)), (1920, 1080), None),
        (sps(profile=66), (1920, 1088), 0),
        (sps(order=(2,)), (1920, 1088), 0),
        (sps(restriction=0), (1920, 1088), 0),
        (sps(restriction=2), (1920, 1088), 2),
        (sps(profile=100, chroma=1, crop=(1, 2, 3, 4)), (1914, 1074), None),
        (sps(profile=122, chroma=2, crop=(1, 2, 3, 4)), (1914, 1081), None),
        (sps(profile=244, chroma=3, crop=(1, 2, 3, 4)), (1917, 1081), None),
        (sps(frames_only=False, rows=34, crop=(0, 0, 0, 2)), (1920, 1080), None),
    ],
)
def test_size_and_order(unit: bytes, size: tuple[int, int], reorder: int | None) -> None:
    found = H264Sps.parse(unit)
    assert (found.width, found.height) == size
    assert found.reorder_frames == reorder
    assert (found.number, found.level) == (3, 40)


def test_depth_and_frame_rate() -> None:
    found = H264Sps.parse(sps(profile=110, chroma=1, restriction=1))
    assert (found.chroma_format, found.bit_depth_luma, found.bit_depth_chroma) == (1, 10, 9)
    assert found.frame_rate_hz == pytest.approx(29.97, abs=0.001)


MODEL = ue(0) + f"{0:08b}" + ue(1, 2) + "1" + f"{0:020b}"
"""A reference decoder with one schedule."""


@pytest.mark.parametrize(
    ("usability", "rate"),
    [
        # Nothing is told.
        ("0000" + "0" + "00" + "0" + "0", None),
        # A clock without ticks is none.
        ("0000" + "1" + f"{0:032b}{50:032b}" + "1" + "00" + "0" + "0", None),
        ("0000" + "1" + f"{1:032b}{0:032b}" + "1" + "00" + "0" + "0", None),
        # Both models of a reference decoder, and what both together have.
        ("0000" + "1" + f"{1:032b}{50:032b}" + "1" + f"1{MODEL}1{MODEL}0" + "0" + "0", 25.0),
        ("0000" + "0" + f"01{MODEL}1" + "1" + "0", None),
    ],
)
@pytest.mark.parametrize("order", [(0, 4), (1,), (2,)])
def test_what_encoders_seldom_write(
    usability: str, rate: float | None, order: tuple[int, ...]
) -> None:
    # Order type 1 is followed by a flag, two offsets and a cycle of them.
    cycle = "1" + ue(3, 4) + ue(2) + ue(1, 2) if order == (1,) else ""
    bits = f"{0x67:08b}{77:08b}{0:08b}{40:08b}" + ue(3, 0, *order) + cycle
    bits += ue(4) + "0" + ue(119, 67) + "1" + "1" + "0" + "1" + usability
    found = H264Sps.parse(packed(bits + "1"))
    assert (found.width, found.height, found.frame_rate_hz) == (1920, 1088, rate)
    assert found.content_bits == len(bits)
    assert found.reorder_frames == (0 if order == (2,) else None)


@pytest.mark.parametrize(
    "unit",
    [
        b"",
        b"\x67",
        sps(columns=5_000),
        sps(crop=(2_000, 0, 0, 0)),
        sps(profile=100, chroma=4),
        sps(order=(3,)),
    ],
)
def test_what_cannot_be_is_refused(unit: bytes) -> None:
    with pytest.raises(BitsEnd):
        H264Sps.parse(unit)


@pytest.mark.parametrize(
    ("options", "pixel_format"),
    [
        ({"profile": "baseline"}, "yuv420p"),
        ({"profile": "main", "bf": "3"}, "yuv420p"),
        (
            {
                "profile": "high",
                "x264-params": "cqm=jvt:nal-hrd=vbr:vbv-maxrate=400:vbv-bufsize=400",
            },
            "yuv420p",
        ),
        ({"profile": "high422"}, "yuv422p"),
        ({"profile": "high444"}, "yuv444p"),
        ({"x264-params": "colorprim=bt709:overscan=show:chromaloc=1"}, "yuv420p"),
    ],
)
def test_what_x264_writes(options: dict[str, str], pixel_format: str) -> None:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 318, 178, pixel_format
    encoder.framerate = Fraction(30)
    encoder.options = options
    encoder.flags |= av.codec.context.Flags.global_header
    encoder.open()
    assert encoder.extradata is not None
    unit = next(part for part in encoder.extradata.split(b"\0\0\0\1") if part[:1] == b"\x67")
    found = H264Sps.parse(unit)
    assert (found.width, found.height) == (318, 178)
    assert found.profile == unit[1]
    assert found.frame_rate_hz == 30
    assert found.reorder_frames == (0 if "baseline" in str(options) else found.reorder_frames)
    # The stop bit stands where the reading ended: everything was read as it was meant.
    assert found.content_bits // 8 + 1 == len(unit.replace(b"\0\0\3", b"\0\0"))

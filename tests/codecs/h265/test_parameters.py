"""What an SPS of H.265 says, as real encoders write it."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest
from bit_text import packed, ue
from nal_units import H265

from headwater.codecs.bits import BitsEnd
from headwater.codecs.h265.parameters import H265Sps


@pytest.mark.parametrize(
    ("parameters", "pixel_format", "reorder"),
    [
        ("bframes=0", "yuv420p", 0),
        ("bframes=4:b-adapt=0:b-pyramid=1", "yuv420p", 2),
        ("hrd=1:vbv-maxrate=400:vbv-bufsize=400:aud=1:bframes=0", "yuv420p", 0),
        ("scaling-list=default:bframes=0", "yuv420p", 0),
        ("temporal-layers=3:bframes=3", "yuv420p", 2),
        (
            "bframes=0:sar=2:range=full:colorprim=bt709:overscan=show:display-window=2,2,2,2",
            "yuv420p",
            0,
        ),
        ("bframes=0:high-tier=1:level-idc=4.1", "yuv422p10le", 0),
        ("bframes=0", "yuv444p", 0),
    ],
)
def test_what_x265_writes(parameters: str, pixel_format: str, reorder: int) -> None:
    encoder = av.CodecContext.create("libx265", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 318, 178, pixel_format
    encoder.framerate = Fraction(30)
    encoder.options = {"preset": "veryfast", "x265-params": f"log-level=none:{parameters}"}
    encoder.flags |= av.codec.context.Flags.global_header
    encoder.open()
    assert encoder.extradata is not None
    unit = next(part for part in encoder.extradata.split(b"\0\0\0\1") if part[:2] == b"\x42\x01")
    found = H265Sps.parse(unit)
    assert (found.width, found.height) == (318, 178)
    assert (found.reorder_frames, found.frame_rate_hz) == (reorder, 30)
    assert found.bit_depth_luma == (10 if "10" in pixel_format else 8)
    assert found.profile.tier == int("high-tier=1" in parameters)
    if found.content_bits is not None:
        content = unit.rstrip(b"\0").replace(b"\0\0\3", b"\0\0")
        assert found.content_bits // 8 + 1 == len(content)


def test_an_sps_cut_anywhere_is_refused_or_read_without_its_tail() -> None:
    whole = H265Sps.parse(H265.sps)
    for end in range(len(H265.sps) - 1):
        with pytest.raises(BitsEnd):
            H265Sps.parse(H265.sps[:end])
    assert whole.content_bits is not None


# Everything in front of what the cases tell of: one sub-layer, 64x32 pictures, 4:2:0, 8 bits.
FRONT = (
    f"{0x4201:016b}{0:04b}{0:03b}1"
    f"{1:08b}{(1 << 32) - 1:032b}{(1 << 48) - 1:048b}{93:08b}"
    + ue(0, 1, 64, 32)
    + "0"
    + ue(0, 0, 4)
    + "1"
    + ue(4, 2, 0)
)
BLOCKS, NO_LISTS, NO_PCM, NO_SETS, NO_LONG, TOOLS = ue(*[0] * 6), "0", "0", ue(0), "0", "11"
LISTS = "11" + ("0" + ue(0)) * 20
LISTS_OF_THE_STANDARD = "10"
PCM = "1" + "01110111" + ue(0, 0) + "1"
LONG = "1" + ue(2) + "101010101" * 2
SETS = ue(2) + ue(1, 0) + ue(0) + "1" + "0" + ue(0, 0)
NO_TIMING = "0" * 4 + "000" + "0"
WINDOW = "0" * 4 + "000" + "1" + ue(1, 1, 1, 1)
TIMING = "1" + f"{1_001:032b}{30_000:032b}"
RESTRICTION = "1" + "111" + ue(0, 0, 0, 15, 15)
REFERENCE = "00" + "1" + ue(0) + ue(0)


@pytest.mark.parametrize(
    ("tail", "rate"),
    [
        (BLOCKS + NO_LISTS + "11" + NO_PCM + NO_SETS + NO_LONG + TOOLS + "0", None),
        (BLOCKS + LISTS + "11" + PCM + SETS + LONG + TOOLS + "0", None),
        (BLOCKS + LISTS_OF_THE_STANDARD + "11" + PCM + SETS + LONG + TOOLS + "0", None),
        (BLOCKS + "0110" + NO_SETS + "0" + TOOLS + "1" + NO_TIMING + "0" + "0", None),
        (BLOCKS + "0110" + NO_SETS + "0" + TOOLS + "1" + WINDOW + "0" + RESTRICTION, None),
        (
            BLOCKS + "0110" + NO_SETS + "0" + TOOLS + "1" + NO_TIMING + TIMING + "00" + "0",
            30_000 / 1_001,
        ),
        (
            BLOCKS
            + ("0110" + NO_SETS + "0" + TOOLS + "1")
            + (WINDOW + TIMING + "1" + ue(0) + "1" + REFERENCE + RESTRICTION),
            30_000 / 1_001,
        ),
    ],
)
@pytest.mark.parametrize("extension", [False, True])
def test_what_encoders_seldom_write(tail: str, rate: float | None, extension: bool) -> None:
    bits = FRONT + tail + ("1" + "0" * 8 if extension else "0")
    unit = packed(bits + "1")
    assert b"\0\0\3" not in unit
    found = H265Sps.parse(unit)
    assert (found.width, found.height, found.reorder_frames) == (64, 32, 2)
    assert found.frame_rate_hz == rate
    assert found.content_bits == (None if extension else len(bits))

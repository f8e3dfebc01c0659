"""What an SPS of H.265 says, as real encoders write it."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest
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

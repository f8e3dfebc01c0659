"""Names of codecs in MIME types, by what configurations say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nal_units import H264, H265

from headwater.codecs.aac.config import AacConfig
from headwater.codecs.av1.config import Av1Config
from headwater.codecs.configs import TrackConfig
from headwater.codecs.flac import FlacConfig
from headwater.codecs.h264.depacketizer import H264Depacketizer
from headwater.codecs.h264.parameters import H264Config
from headwater.codecs.h265.depacketizer import H265Depacketizer
from headwater.codecs.h265.parameters import H265Config
from headwater.codecs.mp4.init_segment import InitTrack, mime_type
from headwater.codecs.mp4.sample_entry import sample_entry
from headwater.codecs.opus import OpusConfig
from headwater.codecs.vp9.config import Vp9Config


def h264(*, high: bool = False) -> H264Config:
    taker = H264Depacketizer.of_format({})
    taker.add_parameter_sets((H264.other_sps if high else H264.sps, H264.sets[1]))
    assert taker.config is not None
    return taker.config


def h265(**changes: int) -> H265Config:
    taker = H265Depacketizer.of_format({})
    taker.add_parameter_sets(H265.sets)
    config = taker.config
    assert config is not None
    profile = replace(config.first.profile, **changes)
    return replace(config, first=replace(config.first, profile=profile))


AV1 = Av1Config(b"\x0a\x01x", 0, 8, 0, 8, False, (1, 1), 0, 1920, 1080)
VP9 = Vp9Config(0, 8, 1, False, 640, 360)


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (h264(), "avc1.42c00b"),
        (h264(high=True), "avc1.64000b"),
        # ISO/IEC 14496-15 annex E: Main profile, compatible with 1 and 2, and its constraints.
        (h265(), "hvc1.1.6.L30.90"),
        (h265(tier=1, level=120, constraints=0), "hvc1.1.6.H120"),
        (h265(profile=2, compatibility=0x20000000), "hvc1.2.4.L30.90"),
        (h265(space=1, constraints=0xB0_00_08_00_00_00), "hvc1.A1.6.L30.B0.0.8"),
        (AV1, "av01.0.08M.08"),
        (replace(AV1, profile=2, level=13, tier=1, bit_depth=12), "av01.2.13H.12"),
        (VP9, "vp09.00.30.08"),
        (replace(VP9, profile=1, chroma_subsampling=3), "vp09.01.30.08.03.02.02.02.00"),
        (replace(VP9, profile=2, bit_depth=10, full_range=True), "vp09.02.30.10.01.02.02.02.01"),
        (AacConfig.of_track(48_000, 2), "mp4a.40.2"),
        (AacConfig.parse(bytes.fromhex("2b920800")), "mp4a.40.5"),
        (OpusConfig(), "opus"),
        (FlacConfig(8_000, 1), "flac"),
    ],
)
def test_a_track_is_called(config: TrackConfig, name: str) -> None:
    entry = sample_entry(config)
    assert entry is not None
    assert entry.name == name


def test_the_type_of_a_file_names_all_of_its_codecs() -> None:
    picture, sound = sample_entry(h264()), sample_entry(OpusConfig())
    assert picture is not None
    assert sound is not None
    tracks = [InitTrack(1, 90_000, picture), InitTrack(2, 48_000, sound)]
    assert mime_type(tracks) == 'video/mp4; codecs="avc1.42c00b,opus"'
    assert mime_type(tracks[1:]) == 'audio/mp4; codecs="opus"'


@pytest.mark.parametrize(
    ("size", "content"), [(0, "05 00"), (127, "05 7f"), (128, "05 81 00"), (20_000, "05 81 9c 20")]
)
def test_sizes_of_descriptors(size: int, content: str) -> None:
    from headwater.codecs.mp4.boxes import descriptor

    assert descriptor(5, bytes(size)) == bytes.fromhex(content) + bytes(size)

"""What real encoders and ffmpeg's packetizers sent, to access units that decode to the same."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from films import HEIGHT, RATE_HZ, WIDTH, annex_b, decoded, film
from packets import fed

from headwater.codecs.h264.depacketizer import H264Depacketizer
from headwater.codecs.h264.payloads import h264_payloads
from headwater.codecs.h265.depacketizer import H265Depacketizer
from headwater.codecs.h265.payloads import h265_payloads
from headwater.codecs.packetizer import Packetizer, Payloader

NAL_FILMS = [
    "h264",
    "h264-b",
    "h264-slices",
    "h264-baseline",
    "h264-refresh",
    "h265",
    "h265-b",
]
Taker = H264Depacketizer | H265Depacketizer


def codec_of(name: str) -> tuple[Callable[[], Taker], Payloader]:
    if name.startswith("h264"):
        return H264Depacketizer, h264_payloads
    return H265Depacketizer, h265_payloads


@pytest.fixture(params=NAL_FILMS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_access_units_decode_to_the_pictures_of_the_file(name: str) -> None:
    shown, (build, _) = film(name), codec_of(name)
    taker = build()
    units = fed(taker, shown.rtp)
    assert decoded(name, [annex_b(unit.units) for unit in units]) == list(shown.pictures)
    assert len(units) == len(shown.packets)
    assert not taker.repairs
    assert [unit.timestamp - units[0].timestamp & 0xFFFFFFFF for unit in units] == [
        (moment - shown.moments[0]) * 90_000 // RATE_HZ & 0xFFFFFFFF for moment in shown.moments
    ]


def test_parameter_sets_tell_what_the_film_is(name: str) -> None:
    shown, (build, _) = film(name), codec_of(name)
    taker = build()
    units = fed(taker, shown.rtp)
    config = taker.config
    assert config is not None
    assert (config.width, config.height, config.frame_rate_hz) == (WIDTH, HEIGHT, RATE_HZ)
    out_of_order = sorted(shown.moments) != list(shown.moments)
    assert bool(config.reorder_frames) is out_of_order
    if name.startswith("h264"):
        assert any(unit.bidirectional for unit in units) is out_of_order


def test_each_key_frame_is_a_place_to_begin(name: str) -> None:
    shown, (build, _) = film(name), codec_of(name)
    units = fed(build(), shown.rtp)
    starts = [index for index, unit in enumerate(units) if unit.key_frame]
    assert len(starts) > 1
    for start in starts if name != "h264-refresh" else starts[:1]:
        rest = decoded(name, [annex_b(unit.units) for unit in units[start:]])
        # Decoders leave out pictures that lead an open group of pictures, as H.265 begins one.
        leading = 2 if name == "h265-b" and start else 0
        assert rest == list(shown.pictures[start + leading :])


def test_packets_of_ours_are_the_same_access_units(name: str) -> None:
    build, payloads = codec_of(name)
    units = fed(build(), film(name).rtp)
    for most_bytes in (120, 1_200):
        packetizer = Packetizer(payloads, payload_type=96, ssrc=1, most_bytes=most_bytes)
        packets = [packet for unit in units for packet in packetizer.packets(unit)]
        assert max(map(len, packets)) <= most_bytes
        assert fed(build(), packets) == units


def test_whatever_is_lost_what_is_given_is_whole(name: str) -> None:
    shown, (build, _) = film(name), codec_of(name)
    whole = {unit.timestamp: unit for unit in fed(build(), shown.rtp)}
    chance = random.Random(5)
    for _ in range(30):
        kept = [packet for packet in shown.rtp if chance.random() > 0.05]
        taker = build()
        units = fed(taker, kept)
        assert all(whole[unit.timestamp] == unit for unit in units)
        missing = len(shown.rtp) - len(kept)
        assert 0 <= missing - taker.counters.lost_packets <= 3
        assert not taker.repairs

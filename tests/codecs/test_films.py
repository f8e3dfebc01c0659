"""What real encoders and ffmpeg's packetizers sent, to access units that decode to the same."""

from __future__ import annotations

import os
import random
import sys

import pytest
from films import HEIGHT, RATE_HZ, WIDTH, annex_b, decoded, film
from rtp_units import fed

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.configs import TrackConfig, VideoConfig
from headwater.codecs.depacketizer import Depacketizer
from headwater.codecs.depacketizers import depacketizer_for
from headwater.codecs.h264.parameters import H264Config
from headwater.codecs.h265.parameters import H265Config
from headwater.codecs.packetizer import Packetizer
from headwater.codecs.payloaders import PAYLOADERS
from headwater.protocol.sdp import MediaDescription

ENCODINGS = {
    "h264": "H264",
    "h264-b": "H264",
    "h264-slices": "H264",
    "h264-baseline": "H264",
    "h264-refresh": "H264",
    "h265": "H265",
    "h265-b": "H265",
    "vp8": "VP8",
    "vp9": "VP9",
    "av1": "AV1",
    "mjpeg": "JPEG",
}


def taker_of(name: str) -> Depacketizer[TrackConfig]:
    # ffmpeg sends JPEG with its static payload type.
    numbers = "96 26" if name == "mjpeg" else "96"
    media = MediaDescription.parse(
        [f"m=video 0 RTP/AVP {numbers}", f"a=rtpmap:96 {ENCODINGS[name]}/90000"]
    )
    taker = depacketizer_for(media)
    assert taker is not None
    return taker


def joined(name: str, unit: AccessUnit) -> bytes:
    """What a decoder takes."""
    return annex_b(unit.units) if name.startswith("h26") else b"".join(unit.units)


@pytest.fixture(params=ENCODINGS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_access_units_decode_to_the_pictures_of_the_file(name: str) -> None:
    shown = film(name)
    taker = taker_of(name)
    units = fed(taker, shown.rtp)
    assert decoded(name, [joined(name, unit) for unit in units]) == list(shown.pictures)
    assert len(units) == len(shown.packets)
    assert not taker.repairs
    assert [unit.timestamp - units[0].timestamp & 0xFFFFFFFF for unit in units] == [
        (moment - shown.moments[0]) * 90_000 // RATE_HZ & 0xFFFFFFFF for moment in shown.moments
    ]


def test_the_stream_tells_what_the_film_is(name: str) -> None:
    shown = film(name)
    taker = taker_of(name)
    assert taker_of(name).config is None
    units = fed(taker, shown.rtp)
    assert isinstance(taker.config, VideoConfig)
    assert (taker.config.width, taker.config.height) == (WIDTH, HEIGHT)
    out_of_order = sorted(shown.moments) != list(shown.moments)
    if isinstance(taker.config, H264Config | H265Config):
        assert taker.config.frame_rate_hz == RATE_HZ
        assert bool(taker.config.reorder_frames) is out_of_order
    if name.startswith("h264"):
        assert any(unit.bidirectional for unit in units) is out_of_order


def test_each_key_frame_is_a_place_to_begin(name: str) -> None:
    shown = film(name)
    units = fed(taker_of(name), shown.rtp)
    starts = [index for index, unit in enumerate(units) if unit.key_frame]
    assert len(starts) > 1
    for start in starts if name != "h264-refresh" else starts[:1]:
        rest = decoded(name, [joined(name, unit) for unit in units[start:]])
        # Decoders leave out pictures that lead an open group of pictures, as H.265 begins one.
        leading = 2 if name == "h265-b" and start else 0
        assert rest == list(shown.pictures[start + leading :])


def test_packets_of_ours_are_the_same_access_units(name: str) -> None:
    payloads = PAYLOADERS[ENCODINGS[name]]
    units = fed(taker_of(name), film(name).rtp)
    # A JPEG picture's tables do not fit into less.
    for most_bytes in (160 if name == "mjpeg" else 120, 1_200):
        packetizer = Packetizer(payloads, payload_type=96, ssrc=1, most_bytes=most_bytes)
        packets = [packet for unit in units for packet in packetizer.packets(unit)]
        assert max(map(len, packets)) <= most_bytes
        assert fed(taker_of(name), packets) == units


def test_whatever_is_lost_what_is_given_is_whole(name: str) -> None:
    shown = film(name)
    whole = {unit.timestamp: unit for unit in fed(taker_of(name), shown.rtp)}
    chance = random.Random(5)
    for _ in range(30):
        kept = [packet for packet in shown.rtp if chance.random() > 0.05]
        taker = taker_of(name)
        units = fed(taker, kept)
        assert all(whole[unit.timestamp] == unit for unit in units)
        missing = len(shown.rtp) - len(kept)
        assert 0 <= missing - taker.counters.lost_packets <= 3
        assert not taker.repairs


@pytest.mark.skipif(sys.platform != "linux", reason="policies of threads are Linux's")
def test_making_a_film_leaves_the_thread_at_its_priority() -> None:
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    film("av1", 3)
    assert (os.sched_getscheduler(0), os.sched_getparam(0)) == before

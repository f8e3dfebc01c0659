"""What real encoders and ffmpeg's packetizers sent, to frames that decode to the same sound."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from rtp_units import fed
from sounds import CODECS, Sound, heard, sound

from headwater.codecs.aac.config import AacConfig
from headwater.codecs.aac.latm import StreamMuxConfig
from headwater.codecs.aac.payloads import HBR_PARAMETERS
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.configs import SoundConfig, TrackConfig
from headwater.codecs.depacketizer import Depacketizer
from headwater.codecs.depacketizers import depacketizer_for
from headwater.codecs.packetizer import Packetizer
from headwater.codecs.payloaders import PAYLOADERS
from headwater.protocol.sdp import MediaDescription

AAC_PARAMETERS = "profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3"
STATIC = {"pcmu": 0, "pcma": 8}
ENCODINGS = {
    "aac": "MPEG4-GENERIC",
    "latm": "MP4A-LATM",
    "opus": "OPUS",
    "pcmu": "PCMU",
    "pcma": "PCMA",
}


def description(name: str, made: Sound) -> MediaDescription:
    """What ffmpeg's own SDP says."""
    if name in STATIC:
        return MediaDescription.parse([f"m=audio 0 RTP/AVP {STATIC[name]}"])
    lines = {
        "aac": [
            f"a=rtpmap:97 MPEG4-GENERIC/{made.rate_hz}/{made.channels}",
            f"a=fmtp:97 {AAC_PARAMETERS}; config={made.config.hex().upper()}",
        ],
        "latm": [
            f"a=rtpmap:97 MP4A-LATM/{made.rate_hz}/{made.channels}",
            f"a=fmtp:97 profile-level-id=15;cpresent=0;config={latm_config(made)}",
        ],
        "opus": ["a=rtpmap:97 opus/48000/2"],
    }[name]
    return MediaDescription.parse(["m=audio 0 RTP/AVP 97", *lines])


def latm_config(made: Sound) -> str:
    # ffmpeg's latm_context2config: no version, one stream, one frame, then rate and channels.
    rate = (96_000, 88_200, 64_000, 48_000, 44_100).index(made.rate_hz)
    return bytes((0x40, 0, 0x20 | rate, made.channels << 4, 0x3F, 0xC0)).hex()


def taken(name: str, channels: int = 1) -> tuple[Depacketizer[TrackConfig], list[AccessUnit]]:
    made = sound(name, channels)
    taker = depacketizer_for(description(name, made))
    assert taker is not None
    return taker, fed(taker, made.rtp)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", CODECS)
def test_frames_are_those_of_the_encoder(name: str, channels: int) -> None:
    made = sound(name, channels)
    if name in STATIC and channels == 2:
        # The static payload types have one channel only; ffmpeg gives such a stream a number of
        # its own and an rtpmap.
        made = sound(name, 1)
        channels = 1
    taker, units = taken(name, channels)
    frames = b"".join(frame for unit in units for frame in unit.units)
    assert frames == b"".join(made.frames)[: len(frames)]
    assert len(units) >= len(made.frames) - 3
    assert not taker.repairs
    assert isinstance(taker.config, SoundConfig)
    assert taker.config.sample_rate_hz == made.rate_hz
    assert taker.config.channels == (2 if name == "opus" else channels)


@pytest.mark.parametrize("name", CODECS)
def test_durations_lead_from_one_frame_to_the_next(name: str) -> None:
    _, units = taken(name)
    for unit, following in pairwise(units):
        assert unit.timestamp + unit.duration & 0xFFFFFFFF == following.timestamp


def test_the_configuration_of_latm_decodes_its_frames() -> None:
    taker, units = taken("latm", 2)
    assert isinstance(taker.config, AacConfig)
    samples = heard("aac", [unit.units[0] for unit in units], taker.config.specific)
    whole = heard("aac", sound("latm", 2).frames, sound("latm", 2).config)
    assert np.array_equal(samples, whole[:, : samples.shape[1]])


@pytest.mark.parametrize("most_bytes", [200, 1_200])
@pytest.mark.parametrize("name", ENCODINGS)
def test_packets_of_ours_are_the_same_frames(name: str, most_bytes: int) -> None:
    sent, units = taken(name)
    packetizer = Packetizer(
        PAYLOADERS[ENCODINGS[name]], payload_type=97, ssrc=3, most_bytes=most_bytes
    )
    packets = [packet for unit in units for packet in packetizer.packets(unit)]
    # Frames of Opus and G.711 are never cut.
    assert max(map(len, packets)) <= (most_bytes if "a" in name[:2] else 600)
    taker = depacketizer_for(described_by_us(name, sent.config))
    assert taker is not None
    assert fed(taker, packets) == units
    assert isinstance(taker.config, type(sent.config))
    assert taker.config == sent.config


def described_by_us(name: str, config: TrackConfig | None) -> MediaDescription:
    lines = [f"a=rtpmap:97 {ENCODINGS[name]}/{sound(name).rate_hz}/{sound(name).channels}"]
    if isinstance(config, AacConfig):
        told = config.specific if name == "aac" else StreamMuxConfig.content_for(config)
        kind = HBR_PARAMETERS if name == "aac" else "cpresent=0"
        lines.append(f"a=fmtp:97 {kind};config={told.hex()}")
    return MediaDescription.parse(["m=audio 0 RTP/AVP 97", *lines])

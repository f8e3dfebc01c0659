"""What decoders are set up with goes into the SDP, and comes out of it as it was."""

from __future__ import annotations

import pytest
from films import film
from sounds import sound

from headwater.codecs.aac.config import AacConfig
from headwater.codecs.configs import TrackConfig
from headwater.codecs.depacketizers import depacketizer_for
from headwater.codecs.format_parameters import format_parameters
from headwater.codecs.g711 import G711Config
from headwater.codecs.opus import OpusConfig
from headwater.codecs.vp8.config import Vp8Config
from headwater.protocol.sdp import SessionDescription

RTPMAPS = {"h264": "H264/90000", "h265": "H265/90000", "aac": "MPEG4-GENERIC/48000"}


def config_by_sdp(name: str, parameters: str) -> TrackConfig | None:
    kind = "audio" if name == "aac" else "video"
    text = (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
        f"m={kind} 0 RTP/AVP 96\r\na=rtpmap:96 {RTPMAPS[name]}\r\na=fmtp:96 {parameters}\r\n"
    )
    (media,) = SessionDescription.parse(text).media
    depacketizer = depacketizer_for(media)
    assert depacketizer is not None
    return depacketizer.config


def config_by_film(name: str) -> TrackConfig:
    text = f"v=0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 {RTPMAPS[name]}\r\n"
    (media,) = SessionDescription.parse(text).media
    depacketizer = depacketizer_for(media)
    assert depacketizer is not None
    for packet in film(name).rtp:
        depacketizer.feed(packet)
    assert depacketizer.config is not None
    return depacketizer.config


@pytest.mark.parametrize("name", ["h264", "h265", "aac"])
def test_the_description_sets_up_a_decoder(name: str) -> None:
    known = AacConfig.parse(sound("aac").config) if name == "aac" else config_by_film(name)
    assert config_by_sdp(name, format_parameters(known)) == known


@pytest.mark.parametrize("config", [OpusConfig(), G711Config("PCMA"), Vp8Config(320, 240)])
def test_other_codecs_need_no_parameters(config: TrackConfig) -> None:
    assert format_parameters(config) == ""

"""From a track's description to the depacketizer that takes its packets."""

from __future__ import annotations

import base64

import pytest
from nal_units import CODECS, H264, H265, NalCodec
from rtp_units import fed, marked

from headwater.codecs.depacketizers import TrackFormat, depacketizer_for
from headwater.protocol.sdp import MediaDescription

SPROPS = {
    "H264": "packetization-mode=1; sprop-parameter-sets="
    + ",".join(base64.b64encode(unit).decode() for unit in H264.sets),
    "H265": ";".join(
        f"sprop-{name}={base64.b64encode(unit).decode()}"
        for name, unit in zip(("vps", "sps", "pps"), H265.sets, strict=True)
    ),
}


def described(*lines: str, head: str = "m=video 0 RTP/AVP 96") -> MediaDescription:
    return MediaDescription.parse([head, *lines])


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.kind.__name__)
def test_parameter_sets_of_the_description_stand_in_front_of_a_key_frame(codec: NalCodec) -> None:
    name = "H264" if codec is H264 else "H265"
    media = described(f"a=rtpmap:96 {name}/90000", f"a=fmtp:96 {SPROPS[name]}")
    taker = depacketizer_for(media)
    assert isinstance(taker, codec.kind)
    assert taker.config is not None
    (unit,) = fed(taker, marked(codec.key))
    assert unit.units == codec.access_unit(codec.key)


@pytest.mark.parametrize(
    ("media", "types", "parameters"),
    [
        (
            described("a=rtpmap:96 H264/90000", "a=fmtp:96 a=1", "a=fmtp:97 b=2"),
            (96,),
            {"a": "1"},
        ),
        (
            described(
                "a=rtpmap:96 H264/90000",
                "a=rtpmap:97 rtx/90000",
                "a=rtpmap:98 H264/90000",
                head="m=video 0 RTP/AVP 96 97 98",
            ),
            (96, 98),
            {},
        ),
        # Numbers that do not agree: the only ones that there are must be meant.
        (described("a=rtpmap:35 H264/90000", "a=fmtp:97 a=1"), (96, 35), {"a": "1"}),
        (described("a=fmtp:26", head="m=video 0 RTP/AVP 26"), (26,), {}),
    ],
)
def test_what_a_description_says_of_the_codec(
    media: MediaDescription, types: tuple[int, ...], parameters: dict[str, str]
) -> None:
    found = TrackFormat.of(media)
    assert found.payload_types == types
    assert found.parameters == parameters


@pytest.mark.parametrize("written", ["opus/48000/2", "opus/48000", "OPUS/8000/1", "opus/90000"])
def test_opus_has_one_clock_whatever_is_written(written: str) -> None:
    media = described(f"a=rtpmap:97 {written}", head="m=audio 0 RTP/AVP 97")
    found = TrackFormat.of(media)
    assert (found.clock_rate_hz, found.channels) == (48_000, 2)


def test_an_unknown_codec_has_none() -> None:
    assert depacketizer_for(described("a=rtpmap:96 X-UNKNOWN/90000")) is None
    assert depacketizer_for(described()) is None

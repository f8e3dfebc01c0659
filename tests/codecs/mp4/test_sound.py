"""Sounds of real encoders in MP4: PyAV decodes them to the samples of the source."""

from __future__ import annotations

import numpy as np
import pytest
from fuzz.mp4_boxes import read_fragments, read_init
from mp4_player import opened
from recorder import written
from rtp_units import fed
from sounds import heard, sound

from headwater.codecs.depacketizers import depacketizer_for
from headwater.protocol.sdp import MediaDescription

NAMES = {"aac": "mp4a.40.2", "opus": "opus", "pcmu": "flac", "pcma": "flac"}
DECODERS = {"aac": "aac", "opus": "opus", "pcmu": "pcm_mulaw", "pcma": "pcm_alaw"}


def described(name: str, channels: int) -> MediaDescription:
    made = sound(name, channels)
    encoding = {"aac": "MPEG4-GENERIC"}.get(name, name.upper())
    parameters = "sizelength=13;indexlength=3;indexdeltalength=3"
    number = {"pcmu": 0, "pcma": 8}.get(name, 97)
    return MediaDescription.parse(
        [
            f"m=audio 0 RTP/AVP {number}",
            f"a=rtpmap:{number} {encoding}/{made.rate_hz}/{channels}",
            f"a=fmtp:{number} {parameters};config={made.config.hex()}",
        ]
    )


@pytest.mark.parametrize("frames", [1, 4])
@pytest.mark.parametrize(
    ("name", "channels"),
    [("aac", 1), ("aac", 2), ("opus", 1), ("opus", 2), ("pcmu", 1), ("pcma", 1)],
)
def test_every_sample_is_that_of_the_source(name: str, channels: int, frames: int) -> None:
    made = sound(name, channels)
    taker = depacketizer_for(described(name, channels))
    assert taker is not None
    units = fed(taker, made.rtp)
    file = written(units, taker.config, made.rate_hz, frames=frames)
    assert file.name == NAMES[name]
    boxes = read_init(file.init)
    for fragment in file.fragments:
        read_fragments(boxes, fragment)
    (track,) = boxes.tracks.values()
    assert (track.kind, track.timescale) == (b"soun", made.rate_hz)
    # Each frame begins where the one before ends.
    at = made.rate_hz
    for sample in track.samples:
        assert (sample.decode_time, sample.offset, sample.key_frame) == (at, 0, True)
        at += sample.duration
    with opened(file.file) as container:
        played = [frame.to_ndarray() for frame in container.decode(audio=0)]
    samples = np.concatenate(played, axis=-1)
    if name.startswith("pcm"):
        wanted = heard(DECODERS[name], [unit.units[0] for unit in units])
    else:
        with opened(file.file) as container:
            extradata = container.streams.audio[0].codec_context.extradata or b""
        wanted = heard(DECODERS[name], [unit.units[0] for unit in units], extradata)
    assert samples.size > made.rate_hz // 2
    assert np.allclose(samples.reshape(-1)[: wanted.size], wanted.reshape(-1)[: samples.size])

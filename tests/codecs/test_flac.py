"""G.711 as FLAC: decoded by ffmpeg, the samples are those of its own G.711 decoder."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import heard

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.flac import FlacEncoder
from headwater.codecs.g711 import G711Config


@pytest.mark.parametrize(("law", "decoder"), [("PCMU", "pcm_mulaw"), ("PCMA", "pcm_alaw")])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_code_is_the_sample_that_the_standard_has(
    law: str, decoder: str, channels: int
) -> None:
    codes = bytes(range(256)) + bytes(reversed(range(256)))
    encoder = FlacEncoder(G711Config(law, 8_000, channels))
    unit = encoder.encode(AccessUnit(1, (codes,)))
    assert unit is not None
    assert (unit.timestamp, unit.duration) == (1, 512 // channels)
    # ffmpeg keeps the body of STREAMINFO as extradata.
    samples = heard("flac", unit.units, encoder.config.stream_info[4:])
    # Samples of several channels take turns, in FLAC's decoder as in G.711.
    assert samples.shape == (1, 512)
    assert samples.reshape(-1).tolist() == heard_g711(decoder, codes)


def heard_g711(decoder: str, codes: bytes) -> list[int]:
    samples: list[int] = heard(decoder, [codes]).reshape(-1).tolist()
    return samples


def test_frames_go_on_for_days_and_silence_is_short() -> None:
    encoder = FlacEncoder(G711Config("PCMU"))
    for played in (0, 100, 0x7FF, 0x800, 0xFFFF, 0x1FFFFF, 0x3FFFFFF, 0x7FFFFFFF, 1 << 35):
        encoder._samples = played
        unit = encoder.encode(AccessUnit(0, (b"\xff" * 159 + b"\x01",)))
        assert unit is not None
        samples = heard("flac", unit.units, encoder.config.stream_info[4:])
        assert samples.shape == (1, 160)
        assert np.count_nonzero(samples) == 1
    silence = encoder.encode(AccessUnit(0, (b"\xff" * 160,)))
    assert silence is not None
    assert len(silence.units[0]) < 24
    assert not heard("flac", silence.units, encoder.config.stream_info[4:]).any()


@pytest.mark.parametrize("count", [0, 15, 65_536])
def test_what_is_no_block_of_flac_is_left_out(count: int) -> None:
    assert FlacEncoder(G711Config("PCMU")).encode(AccessUnit(0, (bytes(count),))) is None

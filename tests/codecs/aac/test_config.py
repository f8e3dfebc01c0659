import pytest

from headwater.codecs.aac.config import SAMPLE_RATES_HZ, AacConfig


@pytest.mark.parametrize(
    ("text", "kind", "rate_hz", "channels", "samples"),
    [
        ("1190", 2, 48_000, 2, 1_024),
        ("1408", 2, 16_000, 1, 1_024),
        ("1194", 2, 48_000, 2, 960),
        # HE-AAC and its version 2, as encoders write them.
        ("2b920800", 5, 22_050, 2, 1_024),
        ("eb8a0800", 29, 22_050, 1, 1_024),
        ("131056e598", 2, 24_000, 2, 1_024),
        ("1780178c10", 2, 12_056, 2, 1_024),
        # AAC-LD and AAC-ELD.
        ("b98800", 23, 48_000, 1, 512),
        ("f8e65000", 39, 48_000, 2, 480),
    ],
)
def test_audio_specific_configurations(
    text: str, kind: int, rate_hz: int, channels: int, samples: int
) -> None:
    specific = bytes.fromhex(text)
    assert AacConfig.parse(specific) == AacConfig(specific, kind, rate_hz, channels, samples)


@pytest.mark.parametrize("rate_hz", [*SAMPLE_RATES_HZ, 12_345])
@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_one_that_is_made_is_read(rate_hz: int, channels: int) -> None:
    made = AacConfig.of_track(rate_hz, channels)
    assert (made.object_type, made.sample_rate_hz, made.channels) == (2, rate_hz, channels)


@pytest.mark.parametrize("text", ["", "11", "16f0", "1780000010", "11f8"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        AacConfig.parse(bytes.fromhex(text))

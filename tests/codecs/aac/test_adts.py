import pytest

from headwater.codecs.aac.adts import adts_config, adts_header_bytes
from headwater.codecs.aac.config import AacConfig

FRAME = bytes(range(20))


def adts(frame: bytes, *, crc: bool = False, index: int = 3, channels: int = 2) -> bytes:
    """A frame of AAC-LC with its header (ISO/IEC 13818-7 §6.2)."""
    size = 7 + 2 * crc + len(frame)
    bits = f"{0xFFF:012b}000{not crc:b}{1:02b}{index:04b}0{channels:03b}0000"
    bits += f"{size:013b}{0x7FF:011b}00"
    return int(bits, 2).to_bytes(7, "big") + bytes(2 * crc) + frame


@pytest.mark.parametrize(
    ("frame", "size"),
    [
        (adts(FRAME), 7),
        (adts(FRAME, crc=True), 9),
        (adts(FRAME)[:-1], 0),
        (adts(FRAME) + b"\0", 0),
        (b"\xfe" + adts(FRAME)[1:], 0),
        # A layer other than 0.
        (b"\xff\xf3" + adts(FRAME)[2:], 0),
        (FRAME, 0),
        (b"\xff\xf1", 0),
        (b"", 0),
    ],
)
def test_how_long_the_header_is(frame: bytes, size: int) -> None:
    assert adts_header_bytes(frame) == size


@pytest.mark.parametrize(
    ("index", "channels", "config"),
    [
        (3, 2, AacConfig.of_track(48_000, 2, 2)),
        (4, 1, AacConfig.of_track(44_100, 1, 2)),
        (11, 7, AacConfig.of_track(8_000, 8, 2)),
    ],
)
def test_the_configuration(index: int, channels: int, config: AacConfig) -> None:
    assert adts_config(adts(FRAME, index=index, channels=channels)) == config


def test_a_rate_that_is_none() -> None:
    with pytest.raises(ValueError, match="sampling frequency index 15"):
        adts_config(adts(FRAME, index=15))

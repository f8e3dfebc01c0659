import pytest
from rtp_units import fed, rtp

from headwater.codecs.opus import OpusDepacketizer, opus_samples


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"\x00x", 480),
        (b"\x08x", 960),
        (b"\x18x", 2_880),
        (b"\x60x", 480),
        (b"\x68x", 960),
        (b"\x80x", 120),
        (b"\xf8x", 960),
        (b"\xfcx", 960),
        (b"\xf9xx", 1_920),
        (b"\xfaxx", 1_920),
        (b"\xfb\x06x", 5_760),
        (b"\xfb\x86x", 5_760),
        (b"\xfb\x07x", 0),
        (b"\xfb\x00", 0),
        (b"\xfb", 0),
        (b"", 0),
    ],
)
def test_how_long_a_packet_plays(packet: bytes, samples: int) -> None:
    assert opus_samples(packet) == samples


def test_what_is_no_opus_packet_is_counted() -> None:
    taker = OpusDepacketizer()
    units = fed(taker, [rtp(b"\xf8x", 1), rtp(b"\xfb", 2), rtp(b"\xf8y", 3)])
    assert [unit.units for unit in units] == [(b"\xf8x",), (b"\xf8y",)]
    assert taker.counters.broken_packets == 1

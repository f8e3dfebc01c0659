"""AV1 packets made by hand: elements, what they go on with, what is missing."""

from __future__ import annotations

import pytest
from films import film
from rtp_units import fed, marked, rtp, stream

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.av1.config import Av1Config
from headwater.codecs.av1.depacketizer import Av1Depacketizer
from headwater.codecs.av1.obu import without_size
from headwater.codecs.av1.payloads import av1_payloads
from headwater.codecs.bits import BitWriter

KEY = b"\x32\x05\x10key!"
INTER = b"\x32\x05\x30more"
NO_SIZE = b"\x30\x10key!"


def sequence_header() -> bytes:
    """Of a real encoder."""
    taker = Av1Depacketizer()
    fed(taker, film("av1").rtp)
    assert taker.config is not None
    return taker.config.sequence_header


def sized(unit: bytes) -> bytes:
    return bytes((len(unit),)) + unit


@pytest.mark.parametrize(
    "count", [pytest.param(0, id="each with its size"), pytest.param(3, id="the last without")]
)
def test_elements_of_one_packet(count: int) -> None:
    header = without_size(sequence_header())
    elements = [header, b"\x78padding", NO_SIZE]
    last = sized(elements[-1]) if not count else elements[-1]
    payload = bytes((count << 4,)) + sized(elements[0]) + sized(elements[1]) + last
    (unit,) = fed(Av1Depacketizer(), marked(payload))
    assert unit.units == (sequence_header(), KEY)
    assert unit.key_frame


def test_a_key_frame_without_its_sequence_header_gets_the_one_before() -> None:
    header = without_size(sequence_header())
    first = b"\0" + sized(header) + sized(NO_SIZE)
    units = fed(Av1Depacketizer(), stream([first], [b"\x10" + NO_SIZE]))
    assert [unit.units for unit in units] == [(sequence_header(), KEY)] * 2
    assert fed(Av1Depacketizer(), stream([b"\x10" + NO_SIZE])) == []


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param([b"\x10\x34"], id="a header of two bytes that has one"),
        pytest.param([b"\x10\x32\x09abc"], id="shorter than its own size"),
        pytest.param([b"\x00\x09abc"], id="shorter than the element's size"),
        pytest.param([b"\x50" + NO_SIZE], id="goes on in what never comes"),
        pytest.param([b"\x90abc"], id="goes on with what never came"),
        pytest.param([b"\x00\x80"], id="half of a size"),
    ],
)
def test_what_is_no_temporal_unit_is_dropped_and_the_next_key_frame_comes(
    broken: list[bytes],
) -> None:
    taker = Av1Depacketizer()
    key = b"\0" + sized(without_size(sequence_header())) + sized(NO_SIZE)
    units = fed(taker, stream([key], broken, [b"\x10" + without_size(INTER)], [key]))
    assert [unit.key_frame for unit in units] == [True, True]
    assert taker.counters.dropped_access_units == 2
    assert taker.counters.access_units == 2


def test_whatever_is_missing_of_a_picture_of_several_packets_it_is_not_given() -> None:
    whole = AccessUnit(7, (sequence_header(), b"\x32\xc9\x01\x10" + bytes(range(200))), True)
    payloads = av1_payloads(whole, 40)
    assert len(payloads) > 4
    packets = [
        rtp(payload, index, 7, marker=index == len(payloads) - 1)
        for index, payload in enumerate(payloads)
    ]
    assert fed(Av1Depacketizer(), packets) == [whole]
    for lost in range(1, len(packets)):
        assert fed(Av1Depacketizer(), packets[:lost] + packets[lost + 1 :]) == []


def test_packets_of_more_than_16_kib_do_not_grow_beyond_their_room() -> None:
    unit = AccessUnit(
        1,
        (
            sequence_header(),
            b"\x32\xc0\xa9\x07" + bytes(120_000),
        ),
        True,
    )
    payloads = av1_payloads(unit, 60_000)
    assert max(map(len, payloads)) <= 60_000
    assert fed(Av1Depacketizer(), marked(*payloads))[0].units == unit.units


def still_picture(*, profile: int, high: int, colours: int) -> bytes:
    """A sequence header with reduced_still_picture_header: level 4.0, 17x9 pixels."""
    bits = BitWriter()
    bits.bits(profile, 3)
    bits.bits(0b11, 2)
    bits.bits(8, 5)
    bits.bits(4, 4)
    bits.bits(3, 4)
    bits.bits(16, 5)
    bits.bits(8, 4)
    bits.bits(0, 3 + 3)
    bits.bits(high, 1)
    bits.bits(colours, 16)
    return bits.content()


@pytest.mark.parametrize(
    ("profile", "high", "colours", "depth", "monochrome", "subsampling"),
    [
        (0, 0, 0, 8, False, (1, 1)),
        (0, 1, 0, 10, False, (1, 1)),
        (0, 0, 0x8000, 8, True, (1, 1)),
        (1, 0, 0, 8, False, (0, 0)),
        (2, 0, 0, 8, False, (1, 0)),
        (2, 1, 0x8000, 12, False, (0, 0)),
        (2, 1, 0x8800, 12, False, (1, 0)),
    ],
)
def test_what_a_sequence_header_says(
    profile: int,
    high: int,
    colours: int,
    depth: int,
    monochrome: bool,
    subsampling: tuple[int, int],
) -> None:
    content = still_picture(profile=profile, high=high, colours=colours)
    config = Av1Config.parse(b"\x0a" + sized(content))
    assert (config.profile, config.level, config.tier) == (profile, 8, 0)
    assert (config.bit_depth, config.monochrome) == (depth, monochrome)
    assert config.subsampling == subsampling
    assert (config.width, config.height) == (17, 9)
    for end in range(5):
        with pytest.raises(ValueError, match=r"."):
            Av1Config.parse(b"\x0a" + sized(content[:end]))


@pytest.mark.parametrize("unit", [b"\x34", b"\x32\x09abc", b"\x32\x80"])
def test_what_is_no_unit_is_refused_with_the_reason(unit: bytes) -> None:
    with pytest.raises(ValueError, match="no AV1 unit: "):
        av1_payloads(AccessUnit(1, (unit,)), 100)

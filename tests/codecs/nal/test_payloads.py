"""Access units to payloads and back: the same units, whatever their sizes and the room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nal_units import CODECS, NalCodec
from rtp_units import fed

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.packetizer import Packetizer

both = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.kind.__name__)
sizes = st.lists(st.integers(1, 400), min_size=1, max_size=12)


def sized(unit: bytes, size: int) -> bytes:
    """The unit with a body of so many bytes more."""
    return unit + bytes(1 + at % 255 for at in range(size))


@both
@given(sizes=sizes, most_bytes=st.integers(40, 500), first=st.integers(0, 0xFFFF))
def test_units_come_back_as_they_were(
    codec: NalCodec, sizes: list[int], most_bytes: int, first: int
) -> None:
    slices = [sized(codec.key if not at else codec.key_next, one) for at, one in enumerate(sizes)]
    unit = AccessUnit(123, codec.access_unit(codec.sei, *slices))
    packetizer = Packetizer(
        codec.payloads, payload_type=96, ssrc=5, sequence_number=first, most_bytes=most_bytes
    )
    packets = [packet for _ in range(2) for packet in packetizer.packets(unit)]
    assert max(map(len, packets)) <= most_bytes
    taker = codec.kind()
    assert fed(taker, packets) == [unit, unit]
    assert not taker.repairs
    assert taker.counters.lost_packets == taker.counters.broken_packets == 0


@both
def test_small_units_travel_together_and_fragments_have_one_size(codec: NalCodec) -> None:
    unit = AccessUnit(1, codec.access_unit(codec.sei, sized(codec.key, 5_000)))
    packets = Packetizer(codec.payloads, payload_type=96, ssrc=5).packets(unit)
    assert packets[0][12:] == codec.aggregate(*codec.sets, codec.sei)
    assert {len(packet) for packet in packets[1:-1]} == {1_200}
    assert len(packets) == 1 + -(-(len(unit.units[-1]) - codec.header_bytes) // 1_190)


@both
def test_a_unit_that_just_fits_is_not_fragmented(codec: NalCodec) -> None:
    for size in (188, 189):
        unit = AccessUnit(1, (codec.key.ljust(size, b"x"),))
        packets = Packetizer(codec.payloads, payload_type=96, ssrc=5, most_bytes=200).packets(unit)
        assert len(packets) == 1 + (size > 188)

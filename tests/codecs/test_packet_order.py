"""Packets that overtake each other, and packets that never come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rtp_units import rtp

from headwater.codecs.packet_order import MOST_HELD, MOST_WAIT_S, PacketOrder
from headwater.protocol.rtp import sequence_number


def taken(order: PacketOrder, sequences: list[int], *, step_s: float = 0.001) -> list[int]:
    given_packets = [
        packet
        for place, sequence in enumerate(sequences)
        for packet in order.take(rtp(b"x", sequence), place * step_s)
    ]
    return [sequence_number(packet) for packet in given_packets]


@pytest.mark.parametrize(
    ("sequences", "order", "waiting"),
    [
        ([1, 2, 3], [1, 2, 3], []),
        ([1, 3, 2, 4], [1, 2, 3, 4], []),
        ([0xFFFE, 0, 0xFFFF, 1], [0xFFFE, 0xFFFF, 0, 1], []),
        ([1, 5, 4, 3, 2, 6], [1, 2, 3, 4, 5, 6], []),
        ([1, 3, 5, 2], [1, 2, 3], [5]),
        # Twice, and too late: for the depacketizer to count.
        ([1, 2, 2, 3, 1], [1, 2, 2, 3, 1], []),
        # A source that began anew, forward and back.
        ([1, 2, 9_000, 9_001], [1, 2, 9_000, 9_001], []),
        ([9_000, 1, 2], [9_000, 1, 2], []),
        ([1, 3, 9_000], [1, 3, 9_000], []),
    ],
)
def test_what_is_given_when(sequences: list[int], order: list[int], waiting: list[int]) -> None:
    one = PacketOrder()
    assert taken(one, sequences) == order
    assert [sequence_number(packet) for packet in one.flush()] == waiting


def test_another_source_is_not_put_in_order_with_the_one_before() -> None:
    order = PacketOrder()
    packets = [rtp(b"x", 1), rtp(b"x", 3)]
    packets += [rtp(b"x", sequence, source=b"next") for sequence in (2, 3)]
    given_packets = [packet for one in packets for packet in order.take(one, 0.0)]
    assert given_packets == packets


def test_what_never_comes_is_waited_for_a_moment_only() -> None:
    order = PacketOrder()
    assert taken(order, [1, *range(3, 3 + MOST_HELD)], step_s=0.0) == [1]
    assert taken(order, [3 + MOST_HELD], step_s=0.0) == list(range(3, 4 + MOST_HELD))
    order = PacketOrder()
    assert taken(order, [1, 3, 4], step_s=MOST_WAIT_S / 2) == [1]
    assert [sequence_number(packet) for packet in order.take(rtp(b"x", 5), 1.0)] == [3, 4, 5]
    assert taken(order, [6, 7]) == [6, 7]
    assert order.overtaken == 0


@given(st.integers(0, 0xFFFF), st.lists(st.integers(0, 20), min_size=1, max_size=120))
def test_packets_that_are_late_by_a_few_come_in_order(first: int, delays: list[int]) -> None:
    sequences = sorted(range(1, len(delays) + 1), key=lambda place: place + delays[place - 1])
    order = PacketOrder()
    mixed = [first + place & 0xFFFF for place in (0, *sequences)]
    assert taken(order, mixed, step_s=0) == [
        first + place & 0xFFFF for place in range(len(delays) + 1)
    ]
    assert not order.flush()
    in_order = sorted(sequences) == sequences
    assert (order.overtaken == 0) is in_order


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.floats(0, 1)), max_size=300))
def test_whatever_comes_nothing_is_lost_or_made_up_and_little_waits(
    packets: list[tuple[int, float]],
) -> None:
    order = PacketOrder()
    came: list[bytes] = []
    went: list[bytes] = []
    for place, (sequence, passed_s) in enumerate(packets):
        packet = rtp(place.to_bytes(2, "big"), sequence)
        came.append(packet)
        went += order.take(packet, passed_s)
        assert len(came) - len(went) <= 2 * MOST_HELD
    went += order.flush()
    # A number that waits and comes again takes the place of the one before.
    assert set(went) <= set(came)
    assert {packet[2:4] for packet in went} == {packet[2:4] for packet in came}

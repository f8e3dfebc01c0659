"""What holds for every depacketizer: headers, loss, late packets, sources."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from rtp_units import rtp

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.depacketizer import Depacketizer, VideoDepacketizer


class Plain(Depacketizer[str]):
    """Each payload is a frame; notes where packets are missing."""

    config = None

    def __init__(self, *, payload_types: Sequence[int] = ()) -> None:
        super().__init__(payload_types=payload_types)
        self.losses = 0

    def _take(self, packet: bytes) -> Sequence[AccessUnit]:
        if packet[12] == 0xFF:
            raise IndexError
        return (AccessUnit(0, (packet[12:],)),)

    def _lose(self) -> None:
        self.losses += 1


def taken(taker: Plain, *sequences: int, source: bytes = b"ssrc") -> list[int]:
    """Which of the packets with these numbers became a frame."""
    return [one for one in sequences if taker.feed(rtp(b"x", one, source=source))]


@pytest.mark.parametrize(
    ("sequences", "wanted", "lost", "late", "losses"),
    [
        ([1, 2, 3], [1, 2, 3], 0, 0, 0),
        ([0xFFFE, 0xFFFF, 0, 1], [0xFFFE, 0xFFFF, 0, 1], 0, 0, 0),
        ([1, 3, 4], [1, 3, 4], 1, 0, 1),
        ([0xFFFF, 5], [0xFFFF, 5], 5, 0, 1),
        ([1, 2, 2, 3], [1, 2, 3], 0, 1, 0),
        ([1, 3, 2, 4], [1, 3, 4], 1, 1, 1),
        ([10, 13, 11, 12, 14], [10, 13, 14], 2, 2, 1),
        # RFC 3550 A.1: two in a row from elsewhere are of a source that began anew.
        ([9_000, 1, 2, 3], [9_000, 2, 3], 0, 1, 1),
        ([9_000, 1, 9_001, 9_002], [9_000, 9_001, 9_002], 0, 1, 0),
        ([1, 20_000, 20_001], [1, 20_000, 20_001], 0, 0, 1),
    ],
)
def test_what_is_missing_is_counted(
    sequences: list[int], wanted: list[int], lost: int, late: int, losses: int
) -> None:
    taker = Plain()
    assert taken(taker, *sequences) == wanted
    assert (taker.counters.lost_packets, taker.counters.late_packets) == (lost, late)
    assert taker.losses == losses


def test_another_source_begins_anew_and_nothing_counts_as_lost() -> None:
    taker = Plain()
    assert taken(taker, 1, 2) == [1, 2]
    assert taken(taker, 700, 701, source=b"next") == [700, 701]
    assert taken(taker, 4, 5) == [4, 5]
    assert (taker.losses, taker.counters.lost_packets) == (2, 0)


def test_packets_of_other_payload_types_are_left_out_but_fill_their_number() -> None:
    taker = Plain(payload_types=(96, 97))
    types = [96, 97, 101, 96]
    units = [taker.feed(rtp(b"x", index, payload_type=one)) for index, one in enumerate(types)]
    assert [len(one) for one in units] == [1, 1, 0, 1]
    assert (taker.counters.foreign_packets, taker.losses) == (1, 0)


def test_a_foreign_packet_that_reuses_a_number_takes_nothing_away() -> None:
    # Geovision sends packets of payload type 50 with the number of the packet before.
    taker = Plain(payload_types=(96,))
    packets = [rtp(b"x", 1), rtp(b"y", 1, payload_type=50), rtp(b"x", 2)]
    assert [len(taker.feed(packet)) for packet in packets] == [1, 0, 1]
    assert taker.losses == 0


@pytest.mark.parametrize(
    ("first", "between", "behind"),
    [
        (0x82, b"csrccsrc", b""),
        (0x90, b"\xbe\xde\0\1abcd", b""),
        (0x91, b"csrc\xbe\xde\0\0", b""),
        (0xA0, b"", b"\0\0\3"),
        (0xB1, b"csrc\xbe\xde\0\1abcd", b"\1"),
    ],
)
def test_contributing_sources_extension_and_padding_are_no_payload(
    first: int, between: bytes, behind: bytes
) -> None:
    plain = rtp(b"payload", 1)
    packet = bytes((first,)) + plain[1:12] + between + b"payload" + behind
    (unit,) = Plain().feed(packet)
    assert unit.units == (b"payload",)


@pytest.mark.parametrize("payload", [b"\1", b"\0\2", b"\xff"])
def test_packets_of_padding_alone_carry_nothing_but_their_number(payload: bytes) -> None:
    taker = Plain()
    assert taken(taker, 1) == [1]
    assert not taker.feed(b"\xa0" + rtp(payload, 2)[1:])
    assert not taker.feed(rtp(b"", 3))
    assert taken(taker, 4) == [4]
    assert (taker.counters.packets, taker.losses) == (2, 0)


def test_a_payload_shorter_than_it_says_is_counted_and_lost() -> None:
    taker = Plain()
    assert not taker.feed(rtp(b"\xff", 1))
    assert (taker.counters.broken_packets, taker.losses) == (1, 1)


def test_no_depacketizer_is_made_without_a_codec() -> None:
    with pytest.raises(TypeError):
        VideoDepacketizer()  # type: ignore[abstract]

"""Packets of a publisher put in order: late, doubled, lost, padded, begun anew."""

from __future__ import annotations

from headwater.protocol.webrtc.offer import Codec
from headwater.webrtc.incoming_track import IncomingTrack


def track() -> IncomingTrack:
    """A track of video."""
    return IncomingTrack(0, "video", Codec(102, "H264", 90_000, 1, {}), 96)


def packet(number: int, *, source: int = 1, payload: bytes = b"x") -> bytes:
    """A packet with a number."""
    head = b"\x80\x66" + (number & 0xFFFF).to_bytes(2, "big") + bytes(4)
    return head + source.to_bytes(4, "big") + payload


def numbers(packets: list[bytes]) -> list[int]:
    """The numbers of packets."""
    return [int.from_bytes(each[2:4], "big") for each in packets]


def test_order_is_restored_across_the_wrap() -> None:
    incoming = track()
    came = [incoming.take(packet(n), 0.0) for n in (65_534, 0, 65_535, 1)]
    assert [numbers(each) for each in came] == [[65_534], [], [65_535, 0], [1]]
    assert not incoming.misses


def test_late_and_doubled_packets_are_left_out() -> None:
    incoming = track()
    assert [len(incoming.take(packet(n), 0.0)) for n in (5, 5, 4, 6)] == [1, 0, 0, 1]


def test_missing_packets_are_asked_for_a_few_times() -> None:
    incoming = track()
    incoming.take(packet(1), 0.0)
    incoming.take(packet(4), 0.0)
    asked = [incoming.to_ask(at / 100) for at in range(0, 100, 2)]
    assert [each for each in asked if each] == [[2, 3]] * 4


def test_what_does_not_come_is_given_up() -> None:
    incoming = track()
    incoming.take(packet(1), 0.0)
    incoming.take(packet(4), 0.0)
    assert incoming.overdue(0.2) == []
    assert numbers(incoming.overdue(0.3)) == [4]
    assert (incoming.lost, incoming.broken, incoming.misses) == (2, True, False)


def test_a_far_jump_or_another_source_is_a_new_start() -> None:
    incoming = track()
    incoming.take(packet(1), 0.0)
    assert numbers(incoming.take(packet(2_000), 0.0)) == [2_000]
    assert numbers(incoming.take(packet(7, source=2), 0.0)) == [7]
    assert incoming.ssrc == 2
    assert not incoming.misses


def test_a_flood_of_gaps_is_bounded() -> None:
    incoming = track()
    for n in range(0, 60_000, 300):
        incoming.take(packet(n), 0.0)
    assert len(incoming._missing) <= 600
    assert len(incoming._waiting) <= 512

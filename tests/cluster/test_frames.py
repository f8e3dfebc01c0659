"""The form of the bus, cut anywhere, and what is no form."""

from __future__ import annotations

import struct

import pytest

from headwater.cluster.bus.frames import (
    MOST_FRAME_BYTES,
    BusError,
    BusParser,
    Frame,
    Kind,
    batch_frame,
    description_frame,
    description_of,
    text_frame,
)

PACKETS = [b"\x80" + bytes(11 + size) for size in (0, 1, 1188, 65_000)]
STREAM = b"".join(
    (
        description_frame(7, "npt=0-", b"v=0\nm=video 0 RTP/AVP 96"),
        batch_frame(Kind.RTP, 0, PACKETS, 12.5),
        batch_frame(Kind.RTCP, 3, PACKETS[:1], 13.0),
        text_frame(Kind.END, b"publisher left"),
    )
)
HEAD = struct.Struct(">BBHId")


def fed(*pieces: bytes) -> list[Frame]:
    parser = BusParser()
    return [frame for piece in pieces for frame in parser.feed(piece)]


def test_what_was_written_is_read() -> None:
    description, rtp, rtcp, end = fed(STREAM)
    assert description_of(description) == (7, "npt=0-", b"v=0\nm=video 0 RTP/AVP 96")
    assert (rtp.kind, rtp.track, rtp.packets, rtp.arrived_s) == (Kind.RTP, 0, PACKETS, 12.5)
    assert (rtcp.kind, rtcp.track, rtcp.packets) == (Kind.RTCP, 3, PACKETS[:1])
    assert (end.kind, end.text) == (Kind.END, b"publisher left")


def test_it_is_the_same_wherever_it_is_cut() -> None:
    whole = fed(STREAM)
    for at in [*range(1, 200), *range(200, len(STREAM), 997)]:
        assert fed(STREAM[:at], STREAM[at:]) == whole
    step = 1_009
    assert fed(*(STREAM[at : at + step] for at in range(0, len(STREAM), step))) == whole


def test_a_batch_of_more_packets_than_a_frame_has_is_several() -> None:
    many = [b"\x80" * 12] * 65_536
    first, second = fed(batch_frame(Kind.RTP, 1, many, 1.0))
    assert (len(first.packets), len(second.packets)) == (65_535, 1)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (HEAD.pack(99, 0, 0, 0, 0.0), "kind 99"),
        (HEAD.pack(Kind.RTP, 0, 0, MOST_FRAME_BYTES + 1, 0.0), "are taken"),
        (HEAD.pack(Kind.RTP, 0, 9, 4, 0.0) + bytes(4), "9 packets in 4 bytes"),
        (HEAD.pack(Kind.RTP, 0, 1, 4, 0.0) + b"\x00\x09ab", "the packets have 9 bytes"),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes, cause: str) -> None:
    with pytest.raises(BusError, match=cause):
        fed(data)


def test_a_frame_that_is_too_long_is_refused_by_its_head_in_pieces_too() -> None:
    head = HEAD.pack(Kind.RTP, 0, 0, MOST_FRAME_BYTES + 1, 0.0)
    parser = BusParser()
    assert list(parser.feed(head[:3])) == []
    with pytest.raises(BusError, match="are taken"):
        list(parser.feed(head[3:]))


@pytest.mark.parametrize("epoch", [b"", b"x", b"9" * 5_000])
def test_a_description_needs_an_epoch(epoch: bytes) -> None:
    with pytest.raises(BusError, match="epoch"):
        description_of(Frame(Kind.DESCRIPTION, 0, [], epoch + b" \nv=0", 0.0))

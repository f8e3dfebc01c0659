"""Sender reports moved to another clock and source."""

from __future__ import annotations

from fuzz.target import Target, check_blame
from fuzz.targets.rtcp import RTCP_WORDS
from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtcp import SenderReport, parse_rtcp
from headwater.protocol.rtcp_build import rewrite_sender_report

MOVED_BY = 0xFFFF_FFF0
SOURCE = 0xA1B2_C3D4


def run(data: bytes) -> None:
    try:
        moved = rewrite_sender_report(data, MOVED_BY, SOURCE)
    except ProtocolError as error:
        check_blame(error)
        return
    assert len(moved) == len(data)
    try:
        before = parse_rtcp(data)
        after = parse_rtcp(moved)
    except ProtocolError:
        return
    assert [type(packet) for packet in before] == [type(packet) for packet in after]
    for was, now in zip(before, after, strict=True):
        if isinstance(was, SenderReport) and isinstance(now, SenderReport):
            assert now.ssrc == SOURCE
            assert now.rtp_timestamp == (was.rtp_timestamp + MOVED_BY) & 0xFFFFFFFF
            assert (now.ntp, now.packets, now.octets) == (was.ntp, was.packets, was.octets)
            assert now.blocks == was.blocks
    assert rewrite_sender_report(moved, 0, SOURCE) == moved


TARGET = Target(
    invariant="a compound is rewritten in its length, reports moved and the rest kept, or "
    "ProtocolError",
    run=run,
    words=RTCP_WORDS,
    max_bytes=512,
)

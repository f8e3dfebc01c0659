"""RTCP compounds."""

from __future__ import annotations

from fuzz.target import Target, check_blame
from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtcp import (
    Bye,
    Feedback,
    ReceiverReport,
    SenderReport,
    SourceDescription,
    is_rtcp,
    packet_bounds,
    parse_rtcp,
)

RTCP_WORDS = (
    b"\x80\xc8\x00\x06",
    b"\x81\xc8\x00\x0c",
    b"\x80\xc9\x00\x01",
    b"\x81\xc9\x00\x07",
    b"\x81\xca\x00\x03",
    b"\x81\xcb\x00\x01",
    b"\x80\xcc\x00\x03",
    b"\x81\xcd\x00\x03",
    b"\x81\xce\x00\x02",
    b"\x84\xce\x00\x04",
    b"\x84\xce\x00\x06\x00\x00\x00\x01\x00\x00\x00\x00",
    b"\x8f\xce\x00\x05REMB",
    b"\x80\xc0\x00\x01",
)


def run(data: bytes) -> None:
    is_rtcp(data)
    try:
        packets = parse_rtcp(data)
    except ProtocolError as error:
        check_blame(error)
        assert error.offset is not None
        assert 0 <= error.offset <= len(data)
        return
    bounds = packet_bounds(data)
    assert len(packets) == len(bounds)
    assert bounds[0][0] == 0
    assert bounds[-1][1] == len(data)
    for packet in packets:
        match packet:
            case SenderReport(blocks=blocks) | ReceiverReport(blocks=blocks):
                assert len(blocks) <= 31
                assert all(-(1 << 23) <= block.cumulative_lost < 1 << 23 for block in blocks)
            case SourceDescription(chunks=chunks):
                assert len(chunks) <= 31
                for chunk in chunks:
                    assert chunk.cname is None or chunk.cname.encode("utf-8", "replace") is not None
            case Bye(ssrcs=ssrcs):
                assert len(ssrcs) <= 31
            case Feedback():
                assert len(packet.lost) <= 17 * len(data)
                assert len(packet.asked) <= len(data) // 8
                assert packet.bit_rate_bps is None or packet.bit_rate_bps >= 0
                assert packet.wants_key_frame in (True, False)


TARGET = Target(
    invariant="any bytes are as many packets as they have bounds, or a ProtocolError that tells "
    "where; work is bounded by their length",
    run=run,
    words=RTCP_WORDS,
    max_bytes=512,
)

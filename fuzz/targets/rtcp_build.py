"""RTCP written from any values and read again."""

from __future__ import annotations

from fuzz.target import Target, text_of
from headwater.protocol import rtcp_build
from headwater.protocol.rtcp import (
    Bye,
    Feedback,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    parse_rtcp,
)


def run(data: bytes) -> None:
    numbers = [int.from_bytes(data[at : at + 4], "big") for at in range(0, min(len(data), 256), 4)]
    numbers += [0] * (7 - len(numbers))
    name = text_of(data)
    blocks = [
        ReportBlock(numbers[at], numbers[at + 1] & 0xFF, *numbers[at + 1 : at + 6])
        for at in range(0, len(numbers) - 6, 6)
    ][: rtcp_build.MOST_BLOCKS]
    report, described = parse_rtcp(rtcp_build.receiver_report(numbers[0], blocks, cname=name))
    assert isinstance(report, ReceiverReport)
    assert [block.ssrc for block in report.blocks] == [block.ssrc for block in blocks]
    assert [block.jitter for block in report.blocks] == [block.jitter for block in blocks]
    sent, again = parse_rtcp(
        rtcp_build.sender_report(
            numbers[1],
            ntp=numbers[2] << 32 | numbers[3],
            rtp_timestamp=numbers[4] << 3,
            packets=numbers[5] << 2,
            octets=numbers[6] << 9,
            cname=name,
        )
    )
    assert isinstance(sent, SenderReport)
    assert sent.ntp == numbers[2] << 32 | numbers[3]
    assert type(again) is type(described)
    *_, lost = parse_rtcp(rtcp_build.picture_loss_indication(numbers[0], numbers[1], cname=name))
    *_, wanted = parse_rtcp(
        rtcp_build.full_intra_request(numbers[0], numbers[1], numbers[2], cname=name)
    )
    assert isinstance(lost, Feedback)
    assert isinstance(wanted, Feedback)
    assert lost.wants_key_frame
    assert lost.media_ssrc == numbers[1]
    assert wanted.asked == ((numbers[1], numbers[2] & 0xFF),)
    *_, last = parse_rtcp(rtcp_build.bye(numbers[:31], name, cname=name))
    assert isinstance(last, Bye)
    assert last.ssrcs == tuple(numbers[:31])
    assert name.startswith(last.reason or "")


TARGET = Target(
    invariant="whatever values and names are given, what is written reads as what was meant",
    run=run,
    max_bytes=400,
)

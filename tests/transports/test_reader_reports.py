"""What is kept of a reader's reports."""

from __future__ import annotations

import pytest

from headwater.protocol.rtcp import ReportBlock
from headwater.protocol.rtcp_build import bye, receiver_report, sender_report
from headwater.transports.reader_reports import ReaderReports


def block(lost: int) -> ReportBlock:
    return ReportBlock(
        ssrc=1, fraction_lost=64, cumulative_lost=lost, highest_sequence=9, jitter=30
    )


def test_last_report_counts() -> None:
    reports = ReaderReports()
    for lost in (1, 5):
        assert reports.receive(receiver_report(7, [block(lost)], cname="reader"))
    assert (reports.fraction_lost, reports.cumulative_lost, reports.jitter) == (0.25, 5, 30)
    assert (reports.received, reports.invalid) == (2, 0)


@pytest.mark.parametrize(
    "compound",
    [
        receiver_report(7, cname="reader"),
        sender_report(7, ntp=1, rtp_timestamp=1, packets=0, octets=0, cname="reader"),
        bye([7], "leaving"),
    ],
)
def test_report_without_blocks_is_life_and_no_more(compound: bytes) -> None:
    reports = ReaderReports()
    assert reports.receive(compound)
    assert (reports.cumulative_lost, reports.received) == (0, 1)


@pytest.mark.parametrize("noise", [b"", b"\x80", b"GET / HTTP/1.0", bytes(40)])
def test_noise_is_counted_and_no_life(noise: bytes) -> None:
    reports = ReaderReports()
    assert not reports.receive(noise)
    assert (reports.received, reports.invalid) == (0, 1)

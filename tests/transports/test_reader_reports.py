"""What is kept of a reader's reports."""

from __future__ import annotations

import pytest

from headwater.media.tracks.track import Track
from headwater.protocol.rtcp import ReportBlock
from headwater.protocol.rtcp_build import (
    bye,
    full_intra_request,
    picture_loss_indication,
    receiver_report,
    sender_report,
)
from headwater.protocol.sdp import SessionDescription
from headwater.transports.reader_reports import ReaderReports

MEDIA = SessionDescription.parse("m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n").media[0]
TRACK = Track(0, MEDIA, clock=lambda: 0.0)
NACK = bytes.fromhex("81cd00030000000100001234fffe0003")
OLD_FIR = bytes.fromhex("80c0000100001234")


def block(lost: int) -> ReportBlock:
    return ReportBlock(
        ssrc=1, fraction_lost=64, cumulative_lost=lost, highest_sequence=9, jitter=30
    )


def test_last_report_counts() -> None:
    reports = ReaderReports()
    for lost in (1, 5):
        assert reports.receive(receiver_report(7, [block(lost)], cname="reader"), TRACK)
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
    assert reports.receive(compound, TRACK)
    assert (reports.cumulative_lost, reports.received) == (0, 1)


@pytest.mark.parametrize("noise", [b"", b"\x80", b"GET / HTTP/1.0", bytes(40)])
def test_noise_is_counted_and_no_life(noise: bytes) -> None:
    reports = ReaderReports()
    assert not reports.receive(noise, TRACK)
    assert (reports.received, reports.invalid) == (0, 1)


@pytest.mark.parametrize(
    ("compound", "requests"),
    [
        (picture_loss_indication(7, 0x1234, cname="reader"), 1),
        (full_intra_request(7, 0x9999, 1, cname="reader"), 1),
        (picture_loss_indication(7, 0x1234, cname="reader")[-12:], 1),
        (OLD_FIR, 1),
        (NACK, 0),
        (receiver_report(7, [block(1)], cname="reader"), 0),
    ],
    ids=["pli", "fir of another source", "pli alone", "old fir", "nack", "report"],
)
def test_a_request_for_a_key_frame_becomes_one_of_the_track(compound: bytes, requests: int) -> None:
    wanted: list[Track] = []
    track = Track(0, MEDIA, clock=lambda: 0.0, on_key_frame_wanted=wanted.append)
    assert ReaderReports().receive(compound, track)
    assert wanted == [track] * requests

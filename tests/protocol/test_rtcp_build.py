from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtcp import (
    PAYLOAD_FEEDBACK,
    Bye,
    Feedback,
    FeedbackKind,
    ReceiverReport,
    ReportBlock,
    SdesChunk,
    SenderReport,
    SourceDescription,
    parse_rtcp,
)
from headwater.protocol.rtcp_build import (
    bit_rate_estimate,
    bye,
    full_intra_request,
    generic_nack,
    ntp_middle,
    ntp_time,
    picture_loss_indication,
    receiver_report,
    rewrite_sender_report,
    sender_report,
)

U32 = st.integers(0, 2**32 - 1)
BLOCKS = st.lists(
    st.builds(
        ReportBlock, U32, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), U32, U32, U32, U32
    ),
    max_size=31,
)


@given(U32, BLOCKS, st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_a_receiver_report_reads_back(ssrc: int, blocks: list[ReportBlock], cname: str) -> None:
    assert parse_rtcp(receiver_report(ssrc, blocks, cname=cname)) == [
        ReceiverReport(ssrc, tuple(blocks)),
        SourceDescription((SdesChunk(ssrc, ((1, cname.encode()),)),)),
    ]


@given(U32, st.integers(0, 2**64 - 1), U32, U32, U32, BLOCKS)
def test_a_sender_report_reads_back(
    ssrc: int, ntp: int, rtp_timestamp: int, packets: int, octets: int, blocks: list[ReportBlock]
) -> None:
    compound = sender_report(
        ssrc,
        ntp=ntp,
        rtp_timestamp=rtp_timestamp,
        packets=packets,
        octets=octets,
        cname="headwater",
        blocks=blocks,
    )
    assert parse_rtcp(compound)[0] == SenderReport(
        ssrc, ntp, rtp_timestamp, packets, octets, tuple(blocks)
    )


def test_counts_wrap() -> None:
    compound = sender_report(1, ntp=0, rtp_timestamp=2**32 + 1, packets=2**32, octets=-1, cname="x")
    assert parse_rtcp(compound)[0] == SenderReport(1, 0, 1, 0, 2**32 - 1)


def test_the_bytes_of_a_receiver_report() -> None:
    block = ReportBlock(0xDEADBEEF, 64, -2, 0x10005, 16, 0x3A441234, 0x8000)
    assert receiver_report(1001, [block], cname="abc") == bytes.fromhex(
        "81c90007000003e9deadbeef40fffffe00010005000000103a44123400008000"
        "81ca0003000003e901036162630000000000"[:-4]
    )


def test_the_bytes_of_requests_for_a_key_frame() -> None:
    report = receiver_report(1001, cname="abc")
    assert picture_loss_indication(1001, 0xDEADBEEF, cname="abc") == report + bytes.fromhex(
        "81ce0002000003e9deadbeef"
    )
    assert full_intra_request(1001, 0xDEADBEEF, 257, cname="abc") == report + bytes.fromhex(
        "84ce0004000003e900000000deadbeef01000000"
    )


@given(U32, U32, st.integers(0, 300))
def test_requests_for_a_key_frame_read_back(ssrc: int, media_ssrc: int, sequence: int) -> None:
    report, described, request = parse_rtcp(
        full_intra_request(ssrc, media_ssrc, sequence, cname="a")
    )
    assert report == ReceiverReport(ssrc)
    assert isinstance(described, SourceDescription)
    assert isinstance(request, Feedback)
    assert request.asked == ((media_ssrc, sequence % 256),)
    *_, request = parse_rtcp(picture_loss_indication(ssrc, media_ssrc, cname="a"))
    assert request == Feedback(FeedbackKind.PLI, PAYLOAD_FEEDBACK, 1, ssrc, media_ssrc)


@pytest.mark.parametrize(("lost", "written"), [(2**24, 0x7FFFFF), (-(2**24), -0x800000)])
def test_loss_is_clamped_to_24_bits(lost: int, written: int) -> None:
    block = ReportBlock(1, 0, lost, 0, 0)
    (report, _) = parse_rtcp(receiver_report(1, [block], cname="x"))
    assert isinstance(report, ReceiverReport)
    assert report.blocks[0].cumulative_lost == written


def test_bye_begins_with_a_report() -> None:
    assert parse_rtcp(bye([7, 8], "publisher left", cname="x")) == [
        ReceiverReport(7),
        SourceDescription((SdesChunk(7, ((1, b"x"),)),)),
        Bye((7, 8), "publisher left"),
    ]
    assert bye([7]) == bytes.fromhex("80c900010000000781cb000100000007")


@pytest.mark.parametrize("reason", ["", "a", "abc", "abcd", "ü" * 200])
def test_reasons_of_any_length(reason: str) -> None:
    packet = parse_rtcp(bye([7], reason))[-1]
    assert isinstance(packet, Bye)
    assert (packet.reason or "") == reason[:127]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: bye([]), "without a source"),
        (lambda: bye(range(32)), "at most 31"),
        (lambda: receiver_report(1, [ReportBlock(1, 0, 0, 0, 0)] * 32, cname="x"), "at most 31"),
    ],
)
def test_what_does_not_fit(build: Callable[[], bytes], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


def test_ntp() -> None:
    assert ntp_time(0.0) == 2_208_988_800 << 32
    assert ntp_time(0.5) & 0xFFFFFFFF == 0x80000000
    assert ntp_middle(0x1111222233334444) == 0x22223333


def test_rewriting_a_sender_report() -> None:
    theirs = sender_report(1, ntp=5, rtp_timestamp=2**32 - 10, packets=3, octets=4, cname="cam")
    theirs += bytes.fromhex("82cb00020000000100000063")
    assert parse_rtcp(rewrite_sender_report(theirs, 20, 9)) == [
        SenderReport(9, 5, 10, 3, 4),
        SourceDescription((SdesChunk(9, ((1, b"cam"),)),)),
        Bye((9, 99)),
    ]


def test_rewriting_leaves_other_sources_alone() -> None:
    block = ReportBlock(1, 0, 0, 0, 0)
    chunks = (
        bytes.fromhex("00000001")
        + b"\x01\x02ab\x02\x01c\x00"
        + bytes.fromhex("000000630100")
        + b"\0\0"
    )
    theirs = (
        receiver_report(1, [block], cname="x")
        + b"\x82\xca\x00\x05"
        + chunks
        + bytes.fromhex("80cf000100000001")
    )
    rewritten = parse_rtcp(rewrite_sender_report(theirs, 0, 9))
    assert rewritten[0] == ReceiverReport(9, (block,))
    assert rewritten[2] == SourceDescription(
        (SdesChunk(9, ((1, b"ab"), (2, b"c"))), SdesChunk(99, ((1, b""),)))
    )
    assert rewritten[3] == parse_rtcp(bytes.fromhex("80cf000100000001"))[0]


@pytest.mark.parametrize("packet", ["", "80c8000100000001", "80c90000", "80c80006"])
def test_rewriting_what_is_broken(packet: str) -> None:
    with pytest.raises(ProtocolError):
        rewrite_sender_report(bytes.fromhex(packet), 1, 2)


def test_counts_past_the_end_name_no_source() -> None:
    theirs = bytes.fromhex("80c900010000000183cb00010000000183ca000100000001")
    assert rewrite_sender_report(theirs, 1, 2) == bytes.fromhex(
        "80c900010000000283cb00010000000283ca000100000002"
    )


@given(st.binary(max_size=120), st.integers(-(2**33), 2**33), U32)
def test_any_bytes_are_rewritten_or_refused(noise: bytes, ts_delta: int, ssrc: int) -> None:
    for compound in (noise, bytes.fromhex("80c9000100000001") + noise):
        try:
            written = rewrite_sender_report(compound, ts_delta, ssrc)
        except ProtocolError:
            continue
        assert len(written) == len(compound)


@pytest.mark.parametrize(
    "lost", [[5], [5, 6, 7], [5, 21, 22], [65_535, 0, 1], list(range(100)), [1, 500, 1_000]]
)
def test_a_nack_names_what_is_lost(lost: list[int]) -> None:
    asked = parse_rtcp(generic_nack(1, 2, lost, cname="name"))[-1]
    assert isinstance(asked, Feedback)
    assert (asked.kind, asked.media_ssrc) == (FeedbackKind.NACK, 2)
    assert list(asked.lost) == lost


@pytest.mark.parametrize("rate_bps", [1, 300_000, 5_000_000, 1 << 39])
def test_an_estimate_tells_the_rate(rate_bps: int) -> None:
    told = parse_rtcp(bit_rate_estimate(1, rate_bps, [2, 3], cname="name"))[-1]
    assert isinstance(told, Feedback)
    assert told.kind is FeedbackKind.REMB
    assert told.bit_rate_bps == pytest.approx(rate_bps, rel=0.0001)
    assert told.fci[8:] == bytes.fromhex("0000000200000003")

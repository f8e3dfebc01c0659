import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtcp import (
    PAYLOAD_FEEDBACK,
    App,
    Bye,
    Feedback,
    FeedbackKind,
    ReceiverReport,
    ReportBlock,
    SdesChunk,
    SenderReport,
    SourceDescription,
    UnknownRtcp,
    is_rtcp,
    packet_bounds,
    parse_rtcp,
)

# What ffmpeg's RTP muxer sends, a report without SDES, and GStreamer's rtpbin at its end.
FFMPEG_SR = bytes.fromhex("80c80006e5af2ad0eead79325b22d0e5db6c685f000000ad0002be24")
GSTREAMER_END = bytes.fromhex(
    "80c8000609102906eead79410c6ad2dcd6fecbb2000005780014167b"
    "81ca000c09102906011b7573657233393037323030303340686f73742d3865666131336639"
    "06094753747265616d65720000000081cb000109102906"
)
SDES = bytes.fromhex("81ca0004deadbeef0108") + b"cam@home" + bytes(2)
RR = bytes.fromhex("81c90007000003e9deadbeef40fffffe00010005000000103a44123400008000")
PLI = bytes.fromhex("81ce000200000001deadbeef")
FIR = bytes.fromhex("84ce00040000000100000000deadbeef05000000")
NACK = bytes.fromhex("81cd000300000001deadbeefffff0003")
REMB = bytes.fromhex("8fce00050000000100000000") + b"REMB" + bytes.fromhex("010bd090deadbeef")


def test_sender_report() -> None:
    assert parse_rtcp(FFMPEG_SR) == [
        SenderReport(
            ssrc=0xE5AF2AD0,
            ntp=0xEEAD79325B22D0E5,
            rtp_timestamp=0xDB6C685F,
            packets=173,
            octets=179_748,
        )
    ]


def test_a_compound_with_bye() -> None:
    assert parse_rtcp(GSTREAMER_END) == [
        SenderReport(0x09102906, 0xEEAD79410C6AD2DC, 0xD6FECBB2, 1400, 1_316_475),
        SourceDescription(
            (SdesChunk(0x09102906, ((1, b"user390720003@host-8efa13f9"), (6, b"GStreamer"))),)
        ),
        Bye((0x09102906,)),
    ]


def test_receiver_report() -> None:
    block = ReportBlock(
        ssrc=0xDEADBEEF,
        fraction_lost=64,
        cumulative_lost=-2,
        highest_sequence=0x10005,
        jitter=16,
        last_sr=0x3A441234,
        delay_since_last_sr=0x8000,
    )
    assert parse_rtcp(RR) == [ReceiverReport(1001, (block,))]


def test_a_compound_in_order() -> None:
    packets = parse_rtcp(FFMPEG_SR + SDES + PLI)
    assert [type(packet) for packet in packets] == [SenderReport, SourceDescription, Feedback]
    assert packet_bounds(FFMPEG_SR + SDES + PLI) == [(0, 28), (28, 48), (48, 60)]


def test_what_ffmpeg_sends_to_open_a_path() -> None:
    # A receiver report without a block, for the reader's NAT.
    assert parse_rtcp(bytes.fromhex("80c9000100000000")) == [ReceiverReport(0)]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (b"\x01\x08cam@home\x00\x00", ((1, b"cam@home"),)),
        (b"\x01\x02ab\x06\x00\x00\x00", ((1, b"ab"), (6, b""))),
        (b"\x01\x02ab", ((1, b"ab"),)),
        (b"\x00\x00\x00\x00", ()),
    ],
    ids=["padded", "empty item", "no null at the end", "no items"],
)
def test_source_description(items: bytes, expected: tuple[tuple[int, bytes], ...]) -> None:
    words = 1 + len(items) // 4
    packet = b"\x81\xca" + words.to_bytes(2, "big") + bytes.fromhex("00000001") + items
    assert parse_rtcp(packet) == [SourceDescription((SdesChunk(1, expected),))]


def test_two_chunks_and_a_missing_cname() -> None:
    body = (
        bytes.fromhex("00000001") + b"\x02\x01x\x00" + bytes.fromhex("00000002") + b"\x01\x01y\x00"
    )
    (found,) = parse_rtcp(b"\x82\xca\x00\x04" + body)
    assert isinstance(found, SourceDescription)
    assert [(chunk.ssrc, chunk.cname) for chunk in found.chunks] == [(1, None), (2, "y")]


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        ("81cb0001deadbeef", Bye((0xDEADBEEF,))),
        ("82cb00020000000100000002", Bye((1, 2))),
        ("80cb0000", Bye(())),
        ("81cb00030000000104627965ff000000", Bye((1,), "bye\ufffd")),
        ("81cb0003000000010562796521210000", Bye((1,), "bye!!")),
        ("81cb00020000000100000000", Bye((1,), "")),
        ("81cb00020000000102ff6100", Bye((1,), "\ufffda")),
    ],
)
def test_bye(packet: str, expected: Bye) -> None:
    assert parse_rtcp(bytes.fromhex(packet)) == [expected]


def test_app_and_unknown() -> None:
    app = bytes.fromhex("85cc000300000001") + b"qtsi" + b"\x00\x01\x02\x03"
    extended = bytes.fromhex("80cf000100000001")
    assert parse_rtcp(app + extended) == [
        App(5, 1, b"qtsi", b"\x00\x01\x02\x03"),
        UnknownRtcp(207, 0, bytes.fromhex("00000001")),
    ]


@pytest.mark.parametrize(
    ("packet", "kind", "wants_key_frame"),
    [
        (PLI, FeedbackKind.PLI, True),
        (FIR, FeedbackKind.FIR, True),
        (bytes.fromhex("80c00001deadbeef"), FeedbackKind.FIR, True),
        (NACK, FeedbackKind.NACK, False),
        (REMB, FeedbackKind.REMB, False),
        (bytes.fromhex("8fcd000200000001deadbeef"), FeedbackKind.OTHER, False),
        (bytes.fromhex("8fce00030000000100000000") + b"ALFA", FeedbackKind.OTHER, False),
    ],
    ids=["pli", "fir", "old fir", "nack", "remb", "transport-wide", "afb"],
)
def test_feedback(packet: bytes, kind: FeedbackKind, wants_key_frame: bool) -> None:
    (found,) = parse_rtcp(packet)
    assert isinstance(found, Feedback)
    assert found.kind is kind
    assert found.wants_key_frame is wants_key_frame
    assert found.lost == ((65535, 0, 1) if kind is FeedbackKind.NACK else ())
    new_fir = kind is FeedbackKind.FIR and found.packet_type == PAYLOAD_FEEDBACK
    assert found.asked == (((0xDEADBEEF, 5),) if new_fir else ())
    # draft-alvestrand-rmcat-remb §2.2: exponent 2 and mantissa 0x3d090.
    assert found.bit_rate_bps == (1_000_000 if kind is FeedbackKind.REMB else None)


def test_a_fir_may_ask_several_sources_and_end_in_half_an_entry() -> None:
    two = bytes.fromhex("84ce00070000000100000000 0000000a01000000 0000000b02000000 0000000c")
    (found,) = parse_rtcp(two)
    assert isinstance(found, Feedback)
    assert found.asked == ((10, 1), (11, 2))


def test_padding_is_taken_off() -> None:
    padded = bytes.fromhex("a0cf00020000000100000004")
    assert parse_rtcp(padded) == [UnknownRtcp(207, 0, bytes.fromhex("00000001"))]


@pytest.mark.parametrize(
    ("packet", "offset"),
    [
        (b"", 0),
        (FFMPEG_SR[:3], 0),
        (b"\x40" + FFMPEG_SR[1:], 0),
        (FFMPEG_SR[:-1], 0),
        (FFMPEG_SR + b"\x00\x00", 28),
        (FFMPEG_SR + SDES[:-4], 28),
        (b"\x81" + FFMPEG_SR[1:], 0),
        (b"\x82" + RR[1:], 0),
        (bytes.fromhex("80c90000"), 0),
        (bytes.fromhex("81ca0000"), 0),
        (bytes.fromhex("81ca00020000000101ff6162"), 0),
        (bytes.fromhex("82cb000100000001"), 0),
        (bytes.fromhex("81cb00020000000109000000"), 0),
        (bytes.fromhex("80cc000100000001"), 0),
        (bytes.fromhex("81ce000100000001"), 0),
        (bytes.fromhex("80c00000"), 0),
        (bytes.fromhex("8fce00030000000100000000") + b"REMB", 0),
        (bytes.fromhex("a1cd0004000000010000000100010002ff000002"), 0),
        (bytes.fromhex("a0cf000100000000"), 7),
        (bytes.fromhex("a0cf0000"), 3),
        (bytes.fromhex("a0cf000100000009"), 7),
    ],
)
def test_broken_packets(packet: bytes, offset: int) -> None:
    with pytest.raises(ProtocolError, match="RTCP") as caught:
        parse_rtcp(packet)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (FFMPEG_SR, True),
        (PLI, True),
        (bytes.fromhex("80c9000100000000"), True),
        (FFMPEG_SR[:7], False),
        (bytes.fromhex("80603039d2a1b3c4deadbeef"), False),
        (bytes.fromhex("80e03039d2a1b3c4deadbeef"), False),
        (b"\x00" + FFMPEG_SR[1:], False),
    ],
)
def test_telling_rtcp_from_rtp(packet: bytes, expected: bool) -> None:
    assert is_rtcp(packet) is expected


def parse_or_error(noise: bytes) -> None:
    refusal = None
    packets = []
    try:
        packets = parse_rtcp(noise)
    except ProtocolError as error:
        refusal = error
    if refusal is not None:
        assert refusal.offset is not None
        assert refusal.offset <= len(noise)
        return
    assert 0 < len(packets) <= len(noise) // 4
    for packet in packets:
        if isinstance(packet, Feedback):
            assert len(packet.lost) <= 17 * len(noise) // 4
            assert packet.bit_rate_bps is None or packet.bit_rate_bps >= 0


@given(st.binary(max_size=200))
def test_any_bytes_give_packets_or_a_protocol_error(noise: bytes) -> None:
    parse_or_error(noise)


@given(
    st.lists(
        st.tuples(st.integers(0, 63), st.integers(190, 210), st.integers(0, 12), st.binary()),
        min_size=1,
        max_size=5,
    )
)
def test_packets_with_likely_headers(parts: list[tuple[int, int, int, bytes]]) -> None:
    compound = b"".join(
        bytes([0x80 | flags, kind])
        + words.to_bytes(2, "big")
        + body[: 4 * words].ljust(4 * words, b"\1")
        for flags, kind, words, body in parts
    )
    parse_or_error(compound)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.protocol import rtp
from headwater.protocol.errors import ProtocolError

# ffmpeg's first packet of an H.264 track: marker off, type 96.
FFMPEG = bytes.fromhex("80603039d2a1b3c4deadbeef1800166742c014da")
# Payload type 33 with marker, two contributing sources, a one-byte extension (RFC 8285), padding.
FULL = bytes.fromhex("b2a1ffff00000001000000020000000300000004bede000110ff00005566778800000004")


def test_fields() -> None:
    assert rtp.is_rtp(FFMPEG)
    assert rtp.payload_type(FFMPEG) == 96
    assert rtp.marker(FFMPEG) is False
    assert rtp.sequence_number(FFMPEG) == 12345
    assert rtp.timestamp(FFMPEG) == 0xD2A1B3C4
    assert rtp.ssrc(FFMPEG) == 0xDEADBEEF
    assert rtp.payload_offset(FFMPEG) == 12
    assert rtp.marker(FULL) is True
    assert rtp.payload_type(FULL) == 33
    assert rtp.payload_offset(FULL) == 28


@pytest.mark.parametrize(
    "packet", [b"", FFMPEG[:11], b"\x40" + FFMPEG[1:], b"\xc0" + FFMPEG[1:], b"$" + FFMPEG]
)
def test_what_is_no_rtp(packet: bytes) -> None:
    assert not rtp.is_rtp(packet)


def test_the_whole_header() -> None:
    assert rtp.RtpHeader.parse(FULL) == rtp.RtpHeader(
        payload_type=33,
        marker=True,
        sequence_number=65535,
        timestamp=1,
        ssrc=2,
        csrcs=(3, 4),
        extension_profile=0xBEDE,
        payload_offset=28,
        padding_bytes=4,
    )
    assert rtp.RtpHeader.parse(FFMPEG) == rtp.RtpHeader(
        payload_type=96, marker=False, sequence_number=12345, timestamp=0xD2A1B3C4, ssrc=0xDEADBEEF
    )


@pytest.mark.parametrize(
    ("packet", "offset"),
    [
        (b"\x80" * 11, 11),
        (b"\x00" + bytes(11), 0),
        (b"\x82" + bytes(18), 12),
        (b"\x90" + bytes(14), 12),
        (b"\x90" + bytes(13) + b"\x00\x02" + bytes(4), 20),
        (b"\xa0" + bytes(11), 11),
        (b"\xa0" + bytes(14) + b"\x05", 15),
    ],
    ids=["short", "version", "csrc", "extension", "extension length", "no padding", "padding"],
)
def test_broken_headers(packet: bytes, offset: int) -> None:
    with pytest.raises(ProtocolError, match="RTP") as caught:
        rtp.RtpHeader.parse(packet)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    "packet",
    [b"\x8f" + bytes(15), b"\x90" + bytes(14), b"\x90" + bytes(13) + b"\xff\xff" + bytes(9)],
)
def test_a_header_longer_than_its_packet_leaves_no_payload(packet: bytes) -> None:
    assert rtp.payload_offset(packet) == len(packet)


def test_rewrite() -> None:
    moved = rtp.rewrite(FFMPEG, 1, 2, 3)
    header = rtp.RtpHeader.parse(moved)
    assert (header.sequence_number, header.timestamp, header.ssrc) == (12346, 0xD2A1B3C6, 3)
    assert moved[:2] == FFMPEG[:2]
    assert moved[12:] == FFMPEG[12:]


@given(
    st.binary(min_size=12, max_size=60),
    st.integers(-(2**17), 2**17),
    st.integers(-(2**33), 2**33),
    st.integers(0, 2**32 - 1),
)
def test_rewriting_back_gives_the_packet(
    packet: bytes, seq_delta: int, ts_delta: int, ssrc: int
) -> None:
    there = rtp.rewrite(packet, seq_delta, ts_delta, ssrc)
    assert rtp.ssrc(there) == ssrc
    assert rtp.sequence_number(there) == (rtp.sequence_number(packet) + seq_delta) % 2**16
    assert rtp.timestamp(there) == (rtp.timestamp(packet) + ts_delta) % 2**32
    assert rtp.rewrite(there, -seq_delta, -ts_delta, rtp.ssrc(packet)) == packet


@given(st.binary(max_size=100))
def test_any_bytes_give_a_header_or_a_protocol_error(noise: bytes) -> None:
    try:
        header = rtp.RtpHeader.parse(noise)
    except ProtocolError:
        return
    assert rtp.is_rtp(noise)
    assert header.payload_offset == rtp.payload_offset(noise) <= len(noise)
    assert header.padding_bytes <= len(noise) - header.payload_offset

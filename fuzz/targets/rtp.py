"""RTP packets."""

from __future__ import annotations

from fuzz.target import Target, check_blame
from headwater.protocol import rtp
from headwater.protocol.errors import ProtocolError


def run(data: bytes) -> None:
    try:
        header = rtp.RtpHeader.parse(data)
    except ProtocolError as error:
        check_blame(error)
        header = None
    if not rtp.is_rtp(data):
        assert header is None
        return
    offset = rtp.payload_offset(data)
    assert rtp.HEADER_BYTES <= offset <= len(data)
    seq, when, source = rtp.sequence_number(data), rtp.timestamp(data), rtp.ssrc(data)
    if header is not None:
        assert header.payload_offset == offset
        assert header.padding_bytes <= len(data) - offset
        assert (header.sequence_number, header.timestamp, header.ssrc) == (seq, when, source)
        assert header.marker == rtp.marker(data)
        assert header.payload_type == rtp.payload_type(data) < 128
    moved = rtp.rewrite(data, 65_530, -when - 1, source ^ 0xFFFFFFFF)
    assert len(moved) == len(data)
    assert rtp.sequence_number(moved) == (seq + 65_530) % 65_536
    assert rtp.timestamp(moved) == 0xFFFFFFFF
    assert rtp.rewrite(moved, -65_530, when + 1, source) == data


TARGET = Target(
    invariant="any bytes are a header whose views agree or a ProtocolError, and rewriting can be "
    "undone",
    run=run,
    words=(b"\x80\x60", b"\x90\x60", b"\xb0\xe0", b"\xbe\xde\x00\x01"),
    max_bytes=256,
)

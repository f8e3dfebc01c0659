"""CSeq."""

from __future__ import annotations

from fuzz.target import Target, text_of
from headwater.protocol.header.cseq import parse_cseq


def run(data: bytes) -> None:
    number = parse_cseq(text_of(data))
    assert number is None or 0 <= number < 10**10
    if number is not None:
        assert parse_cseq(str(number)) == number


TARGET = Target(
    invariant="any text is a number of up to ten digits or None",
    run=run,
    words=(b"0", b"4294967296", b"-1", b"9999999999", "\u0663".encode()),
    max_bytes=32,
)

"""Retry-After."""

from __future__ import annotations

from fuzz.target import Target, text_of
from headwater.protocol.header.retry_after import format_retry_after, parse_retry_after


def run(data: bytes) -> None:
    delay_s = parse_retry_after(text_of(data))
    assert delay_s is None or 0 <= delay_s < 10**9
    if delay_s is not None:
        assert parse_retry_after(format_retry_after(delay_s)) == max(1, delay_s)


TARGET = Target(
    invariant="any text is a number of seconds or None",
    run=run,
    words=(b"5", b"999999999", b"Fri, 31 Dec 1999 23:59:59 GMT", "\u00b2".encode()),
    max_bytes=48,
)

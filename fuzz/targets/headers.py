"""A block of header lines."""

from __future__ import annotations

from fuzz.target import Target, check_blame, text_of
from headwater.protocol.errors import ProtocolError
from headwater.protocol.headers import Headers


def run(data: bytes) -> None:
    try:
        headers = Headers.parse(data, max_count=20)
    except ProtocolError as error:
        check_blame(error)
        assert error.offset is None or 0 <= error.offset <= len(data)
    else:
        assert len(headers) <= 20
        assert Headers.parse(headers.to_bytes()) == headers
        for name, value in headers:
            assert name.upper() in headers
            assert value in headers.get_all(name.lower())
            assert value == value.strip(" \t")
    built = Headers()
    try:
        built.add("X", text_of(data))
    except ProtocolError:
        return
    assert Headers.parse(built.to_bytes()).get("x") == built.get("x")


TARGET = Target(
    invariant="a block is headers that write and read the same, or a ProtocolError; "
    "no value brings a second header in",
    run=run,
    words=(b"CSeq: 1\r\n", b"Session: ", b"\r\n ", b"\n\t", b":", b"\r"),
)

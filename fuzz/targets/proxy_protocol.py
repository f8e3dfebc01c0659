"""PROXY headers."""

from __future__ import annotations

import ipaddress

from fuzz.target import Target
from headwater.net.proxy_protocol import ProxyProtocolError, parse_proxy_header

MOST_BYTES = 16 + 4096


def run(data: bytes) -> None:
    try:
        header = parse_proxy_header(data)
    except ProxyProtocolError as error:
        assert str(error)
        return
    if header is None:
        assert len(data) < MOST_BYTES, "more is waited for than any header has"
        return
    assert 0 < header.size_bytes <= len(data)
    assert (header.source is None) == (header.destination is None)
    for address in (header.source, header.destination):
        if address is not None:
            ipaddress.ip_address(address[0])
            assert 0 <= address[1] <= 65_535
    assert parse_proxy_header(data[: header.size_bytes]) == header
    # Every beginning of a header is waited on, none is refused or taken for a whole one.
    assert parse_proxy_header(data[: header.size_bytes - 1]) is None
    assert parse_proxy_header(data[: header.size_bytes // 2]) is None


TARGET = Target(
    invariant="any bytes are a header, the beginning of one, or a ProxyProtocolError",
    run=run,
    words=(
        b"PROXY ",
        b"TCP4 ",
        b"TCP6 ",
        b"UNKNOWN",
        b"192.0.2.1 ",
        b"2001:db8::1 ",
        b"443 ",
        b"\r\n",
        b"\r\n\r\n\x00\r\nQUIT\n",
        b"\x21\x11\x00\x0c",
        b"\x21\x21\x00\x24",
        b"\x20\x00\x00\x00",
    ),
    max_bytes=300,
)

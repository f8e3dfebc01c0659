"""PROXY headers are read at every split point, and anything else is refused early."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.net.proxy_protocol import ProxyHeader, ProxyProtocolError, parse_proxy_header
from headwater.net.socket_address import Address

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def version_2(
    body: bytes = b"", *, version_command: int = 0x21, family: int = 0x11, size: int | None = None
) -> bytes:
    length = len(body) if size is None else size
    return SIGNATURE + struct.pack("!BBH", version_command, family, length) + body


IPV4_BODY = bytes([192, 0, 2, 1, 198, 51, 100, 2]) + struct.pack("!HH", 5_000, 554)
IPV6_BODY = (
    ipaddress.IPv6Address("2001:db8::1").packed
    + ipaddress.IPv6Address("2001:db8::2").packed
    + struct.pack("!HH", 5_000, 554)
)
FROM4, TO4 = ("192.0.2.1", 5_000), ("198.51.100.2", 554)
FROM6, TO6 = ("2001:db8::1", 5_000, 0, 0), ("2001:db8::2", 554, 0, 0)

GOOD: list[tuple[bytes, Address | None, Address | None]] = [
    (b"PROXY TCP4 192.0.2.1 198.51.100.2 5000 554\r\n", FROM4, TO4),
    (b"PROXY TCP6 2001:db8::1 2001:db8::2 5000 554\r\n", FROM6, TO6),
    (b"PROXY TCP6 2001:DB8:0:0::1 2001:db8::2 5000 554\r\n", FROM6, TO6),
    (b"PROXY UNKNOWN\r\n", None, None),
    (b"PROXY UNKNOWN ff:ff::1 what ever 1 2\r\n", None, None),
    (version_2(IPV4_BODY), FROM4, TO4),
    (version_2(IPV4_BODY + b"\x04\x00\x03abc"), FROM4, TO4),
    (version_2(IPV6_BODY, family=0x21), FROM6, TO6),
    (version_2(version_command=0x20, family=0x00), None, None),
    (version_2(IPV4_BODY, version_command=0x20), None, None),
    (version_2(IPV4_BODY, family=0x12), None, None),
    (version_2(bytes(216), family=0x31), None, None),
    (version_2(family=0x00), None, None),
]


@pytest.mark.parametrize(("header", "source", "destination"), GOOD)
def test_headers_at_every_split_point(
    header: bytes, source: Address | None, destination: Address | None
) -> None:
    for end in range(len(header)):
        assert parse_proxy_header(header[:end]) is None, end
    expected = ProxyHeader(source, destination, len(header))
    assert parse_proxy_header(header) == expected
    assert parse_proxy_header(header + b"OPTIONS * RTSP/1.0\r\n") == expected
    assert parse_proxy_header(header + b"\x16\x03") == expected


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"OPTIONS * RTSP/1.0\r\n", "does not begin"),
        (b"\x16\x03\x01", "does not begin"),
        (b"PROXI", "does not begin"),
        (b"\r\nOPTIONS", "does not begin"),
        (b"PROXYTCP4 1.2.3.4 1.2.3.4 1 2\r\n", "malformed"),
        (b"PROXY TCP4\r\n", "malformed"),
        (b"PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", "malformed"),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", "malformed"),
        (b"PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n", "malformed"),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", "port"),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n", "port"),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 000002\r\n", "port"),
        (b"PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", "not numeric"),
        (b"PROXY TCP4 ::1 1.2.3.4 1 2\r\n", "another family"),
        (b"PROXY TCP6 1.2.3.4 ::1 1 2\r\n", "another family"),
        (b"PROXY TCP4 \xb2.2.3.4 1.2.3.4 1 2\r\n", "not ASCII"),
        (b"PROXY " + b"x" * 101, "longer than 107"),
        (version_2(version_command=0x11), "version 1"),
        (version_2(version_command=0x22), "command 2"),
        (version_2(size=5_000), "longer than 4096"),
        (version_2(IPV4_BODY[:11]), "too short"),
        (version_2(IPV6_BODY[:35], family=0x21), "too short"),
    ],
)
def test_what_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ProxyProtocolError, match=message):
        parse_proxy_header(data)


def test_longest_line() -> None:
    line = b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n"
    assert len(line) == 107
    header = parse_proxy_header(line)
    assert header is not None
    assert header.size_bytes == 107


@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=120).map(lambda tail: b"PROXY TCP4 " + tail),
        st.binary(max_size=300).map(lambda tail: SIGNATURE + tail),
    )
)
def test_anything_is_a_header_or_an_error(data: bytes) -> None:
    try:
        header = parse_proxy_header(data)
    except ProxyProtocolError:
        return
    if header is not None:
        assert header.size_bytes <= len(data)
        assert parse_proxy_header(data[: header.size_bytes]) == header

"""PROXY protocol versions 1 and 2: who a proxy's connection really comes from. Sans-I/O.

Source: "The PROXY protocol", versions 1 & 2, HAProxy Technologies, sections 2.1 and 2.2. Only
bytes from proxies that are trusted may be given to this parser: anyone can write such a header.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import Final

from headwater.net.socket_address import Address

_SIGNATURE_2: Final = b"\r\n\r\n\0\r\nQUIT\n"
_SIGNATURE_1: Final = b"PROXY"
# Section 2.1: "the maximum line lengths the receiver must support including the CRLF" is 107.
_MAX_LINE_BYTES: Final = 107
_FIXED_BYTES: Final = 16
# Two Unix socket addresses of 108 bytes make the longest address block; the rest is for
# extensions, and a header longer than this is no proxy's.
_MAX_BODY_BYTES: Final = 4_096
_LOCAL, _PROXY = 0, 1
_STREAM: Final = 1


class ProxyProtocolError(ValueError):
    """The bytes are no PROXY header; the connection must be closed (section 2: no guessing)."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """What a header told; without addresses when the proxy speaks for itself or cannot tell."""

    source: Address | None
    """The address of the client that connected to the proxy."""
    destination: Address | None
    """The address that the client connected to."""
    size_bytes: int
    """Length of the header; the client's own bytes follow."""


def parse_proxy_header(data: bytes) -> ProxyHeader | None:
    """Read the PROXY header at the start of `data`; None when more bytes are needed.

    Raises ProxyProtocolError as soon as the bytes can no longer become a header.
    """
    if data[:1] == b"\r":
        return _parse_version_2(data)
    return _parse_version_1(data)


def _parse_version_1(data: bytes) -> ProxyHeader | None:
    if not _SIGNATURE_1.startswith(data[: len(_SIGNATURE_1)]):
        raise ProxyProtocolError("connection does not begin with a PROXY header")
    end = data.find(b"\r\n", 0, _MAX_LINE_BYTES)
    if end < 0:
        if len(data) >= _MAX_LINE_BYTES:
            raise ProxyProtocolError(f"PROXY line is longer than {_MAX_LINE_BYTES} bytes")
        return None
    size_bytes = end + 2
    try:
        words = data[:end].decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise ProxyProtocolError("PROXY line is not ASCII") from None
    match words:
        case ["PROXY", "UNKNOWN", *_]:
            return ProxyHeader(None, None, size_bytes)
        case ["PROXY", "TCP4" | "TCP6" as kind, source, destination, from_port, to_port]:
            version = 4 if kind == "TCP4" else 6
            return ProxyHeader(
                _address(version, source, from_port),
                _address(version, destination, to_port),
                size_bytes,
            )
    raise ProxyProtocolError("PROXY line is malformed")


def _address(version: int, host: str, port: str) -> Address:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ProxyProtocolError("PROXY line has an address that is not numeric") from None
    if address.version != version:
        raise ProxyProtocolError("PROXY line has an address of another family than it says")
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65535):
        raise ProxyProtocolError("PROXY line has a port that is not 0 to 65535")
    return (host, int(port)) if version == 4 else (str(address), int(port), 0, 0)


def _parse_version_2(data: bytes) -> ProxyHeader | None:
    if not _SIGNATURE_2.startswith(data[: len(_SIGNATURE_2)]):
        raise ProxyProtocolError("connection does not begin with a PROXY header")
    if len(data) < _FIXED_BYTES:
        return None
    version_command, family_transport, body_bytes = struct.unpack_from("!BBH", data, 12)
    version, command = version_command >> 4, version_command & 15
    if version != 2:
        raise ProxyProtocolError(f"PROXY header has version {version}")
    if command not in (_LOCAL, _PROXY):
        raise ProxyProtocolError(f"PROXY header has command {command}")
    if body_bytes > _MAX_BODY_BYTES:
        raise ProxyProtocolError(f"PROXY header is longer than {_MAX_BODY_BYTES} bytes")
    size_bytes = _FIXED_BYTES + body_bytes
    if len(data) < size_bytes:
        return None
    # Section 2.2: the addresses of LOCAL are to be ignored, and so are those of families and
    # transports that the receiver does not serve.
    family, transport = family_transport >> 4, family_transport & 15
    if command == _LOCAL or transport != _STREAM:
        return ProxyHeader(None, None, size_bytes)
    body = data[_FIXED_BYTES:size_bytes]
    match family:
        case 1 if len(body) >= 12:
            ports = struct.unpack_from("!HH", body, 8)
            source, destination = (
                (str(ipaddress.IPv4Address(body[at : at + 4])), port)
                for at, port in zip((0, 4), ports, strict=True)
            )
            return ProxyHeader(source, destination, size_bytes)
        case 2 if len(body) >= 36:
            ports = struct.unpack_from("!HH", body, 32)
            source6, destination6 = (
                (str(ipaddress.IPv6Address(body[at : at + 16])), port, 0, 0)
                for at, port in zip((0, 16), ports, strict=True)
            )
            return ProxyHeader(source6, destination6, size_bytes)
        case 1 | 2:
            raise ProxyProtocolError("PROXY header is too short for its addresses")
    return ProxyHeader(None, None, size_bytes)

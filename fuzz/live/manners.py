"""How peers come and read: straight or behind a proxy, everything, a little, or nothing."""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass
from enum import Enum, auto

HOST = "127.0.0.1"
PROXY_HOST = "127.0.0.3"
"""The server takes PROXY headers from here and from the only IPv6 address of every machine."""
PROXY_HOST_IPV6 = "::1"
PROXIES = (PROXY_HOST, PROXY_HOST_IPV6)
NARROW_BYTES = 4_096
"""A receive buffer so small that what is sent comes in pieces, or piles up."""
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


class Reading(Enum):
    """What a peer takes of what it is sent."""

    ALL = auto()
    TRICKLE = auto()
    NOTHING = auto()


@dataclass(frozen=True, slots=True)
class Manner:
    """One way to come and to read.

    Attributes:
        source: the address to connect from, which has the family of the server's.
        proxy_header: what comes first; it names a peer of the other address family.
        narrow: whether the receive buffer is as small as it can be.
    """

    source: str = HOST
    proxy_header: bytes = b""
    reading: Reading = Reading.ALL
    narrow: bool = False

    @property
    def is_of_other_family(self) -> bool:
        """Whether the server's sockets cannot send datagrams to the peer that it is told of."""
        return bool(self.proxy_header)

    def connect(self, port: int) -> socket.socket:
        """A new connection to the server. Raises OSError where this machine has no such address."""
        family = socket.AF_INET6 if ":" in self.source else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            if self.narrow:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_BYTES)
            sock.bind((self.source, 0))
            sock.connect((PROXY_HOST_IPV6 if family == socket.AF_INET6 else HOST, port))
        except OSError:
            sock.close()
            raise
        return sock


def version_1(client: str, proxy: str) -> bytes:
    """A PROXY header as text."""
    return f"PROXY TCP{ipaddress.ip_address(client).version} {client} {proxy} 4000 554\r\n".encode()


def version_2(client: str, proxy: str) -> bytes:
    """A PROXY header as bytes: over TCP, with the addresses of one family."""
    addresses = [ipaddress.ip_address(host) for host in (client, proxy)]
    family = 0x11 if addresses[0].version == 4 else 0x21
    body = b"".join(one.packed for one in addresses) + struct.pack("!HH", 4000, 554)
    return _SIGNATURE + struct.pack("!BBH", 0x21, family, len(body)) + body


def _behind_proxies() -> list[Manner]:
    over_ipv4 = [make("2001:db8::1", "2001:db8::ff") for make in (version_1, version_2)]
    over_ipv6 = [make("198.51.100.1", "198.51.100.99") for make in (version_1, version_2)]
    return [
        *(Manner(PROXY_HOST, header) for header in over_ipv4),
        *(Manner(PROXY_HOST_IPV6, header) for header in over_ipv6),
    ]


ORDINARY = [Manner(narrow=index % 4 == 0) for index in range(24)]
MANNERS = (
    *ORDINARY,
    *[Manner(reading=Reading.NOTHING, narrow=True)] * 2,
    *[Manner(reading=Reading.TRICKLE, narrow=True)] * 2,
    *_behind_proxies(),
)
"""One for each peer of a run."""


def possible(port: int) -> list[Manner]:
    """Those that this machine has addresses for."""
    found: list[Manner] = []
    for manner in MANNERS:
        try:
            manner.connect(port).close()
        except OSError as error:
            print(f"no peer comes from {manner.source}: {error}")
        else:
            found.append(manner)
    return found

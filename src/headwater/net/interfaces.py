"""The interfaces of this machine by which multicast over IPv4 can leave."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from typing import Final

_SIOCGIFADDR: Final = 0x8915
"""Linux: the IPv4 address of an interface."""
_REQUEST_BYTES: Final = 40
_ADDRESS_AT: Final = slice(20, 24)
"""Where `sin_addr` is in `struct ifreq`, behind the name, family and port."""


def multicast_interfaces() -> tuple[str, ...]:
    """Return the interfaces, as `net.multicast` takes them: all with an IPv4 address.

    Where the system does not tell (Windows), the empty name, which leaves the choice to it.
    """
    if sys.platform == "win32":
        return ("",)
    names = [name for _, name in socket.if_nameindex()]
    if not sys.platform.startswith("linux"):
        return tuple(names)
    return tuple(filter(None, map(_address_of, names)))


def _address_of(name: str) -> str:
    """Return the first IPv4 address of an interface, empty if it has none."""
    import fcntl  # there is none on Windows

    request = struct.pack(f"{_REQUEST_BYTES}s", name.encode())
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        return socket.inet_ntoa(fcntl.ioctl(sock.fileno(), _SIOCGIFADDR, request)[_ADDRESS_AT])
    return ""

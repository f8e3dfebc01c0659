"""Multicast sockets: send to a group, with a TTL, over an interface; hear what a group says.

An interface is named by its own address (`192.0.2.5`) or its name (`eth0`); empty leaves the
choice to the system.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import sys
from typing import Any, Final

from headwater.net.socket_address import family_of, interface_index

_NO_INTERFACE: Final = "0.0.0.0"
_DISCARD_PORT: Final = 9


def is_multicast(host: str) -> bool:
    """Return whether a host is a numeric multicast address (224.0.0.0/4 or ff00::/8)."""
    try:
        return ipaddress.ip_address(host).is_multicast
    except ValueError:
        return False


def open_multicast_sender(
    group: str, *, port: int = 0, ttl: int = 16, interface: str = "", loopback: bool = True
) -> socket.socket:
    """Return a bound, non-blocking socket whose datagrams to `group` take this TTL and interface.

    It is bound to the address that they leave with, where that can be told, and to `port`, 0 any;
    others on this machine may share the port. `loopback` also delivers to members on this
    machine. Raises ValueError when the group is not a multicast address or the TTL is not 0 to
    255, OSError when the interface does not exist or the port is taken.
    """
    _check_group(group)
    if not 0 <= ttl <= 255:
        raise ValueError(f"ttl is {ttl}, allowed is 0 to 255")
    family = family_of(group)
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if port:
            _share_port(sock)
        if family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, int(loopback))
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, ttl)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, int(loopback))
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _leave_by(sock, interface)
        host, _, *scope = _source_of(group, interface)
        sock.bind((host, port, *scope))
    except BaseException:
        sock.close()
        raise
    return sock


def source_address(sender: socket.socket) -> str | None:
    """Return the source address of a multicast sender's datagrams; None if it varies."""
    host = str(sender.getsockname()[0]).partition("%")[0]
    return None if ipaddress.ip_address(host).is_unspecified else host


def open_multicast_listener(group: str, port: int, *, interface: str = "") -> socket.socket:
    """Return a non-blocking socket that receives what is sent to `group` and `port`.

    Others on this machine may listen to the same port. Raises ValueError when the group is not a
    multicast address, OSError when the port is taken, the interface does not exist, or the group
    cannot be joined.
    """
    _check_group(group)
    family = family_of(group)
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        _share_port(sock)
        # Bound to the group, other groups on the same port do not come in; Windows cannot.
        wildcard = _NO_INTERFACE if family == socket.AF_INET else "::"
        host, _, zone = group.partition("%")
        packed = socket.inet_pton(family, host)
        if sys.platform == "win32":
            host = wildcard
        if family == socket.AF_INET6:
            index = interface_index(interface or zone)
            sock.bind((host, port, 0, index))
            request = packed + struct.pack("@I", index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
        else:
            sock.bind((host, port))
            card = _ipv4_interface(interface) if interface else socket.inet_aton(_NO_INTERFACE)
            # `ip_mreqn` for an interface by name begins with the group, as `ip_mreq` does.
            request = packed + card[-8:]
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
    except BaseException:
        sock.close()
        raise
    return sock


def _share_port(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "SO_REUSEPORT") and not sys.platform.startswith("linux"):
        # BSD systems share a port by this option only.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def _leave_by(sock: socket.socket, interface: str) -> None:
    """Have multicast leave by an interface; the empty one leaves the choice to the system."""
    if not interface:
        return
    if sock.family == socket.AF_INET:
        request = _ipv4_interface(interface)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
    else:
        index = interface_index(interface)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)


def _source_of(group: str, interface: str) -> tuple[Any, ...]:
    """Return the socket address from which the system sends datagrams to a group, or any."""
    family = family_of(group)
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        _leave_by(probe, interface)
        try:
            # A UDP socket sends nothing when it is connected, but its address is chosen.
            probe.connect((group, _DISCARD_PORT))
        except OSError:
            return (_NO_INTERFACE, 0) if family == socket.AF_INET else ("::", 0)
        found: tuple[Any, ...] = probe.getsockname()
        return found


def _check_group(group: str) -> None:
    if not is_multicast(group):
        raise ValueError(f"{group!r} is not a numeric multicast address")


def _ipv4_interface(interface: str) -> bytes:
    """Return `struct in_addr`, which all systems take, or `ip_mreqn` for an interface by name."""
    with contextlib.suppress(ValueError):
        return ipaddress.IPv4Address(interface).packed
    return socket.inet_aton(_NO_INTERFACE) + _by_index(interface)


def _by_index(interface: str) -> bytes:
    return socket.inet_aton(_NO_INTERFACE) + struct.pack("@i", interface_index(interface))

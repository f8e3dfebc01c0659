"""Multicast sockets: send to a group with a TTL over an interface, join and leave one.

An interface is named by its own address (`192.0.2.5`) or its name (`eth0`); empty leaves the
choice to the system.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import sys
from typing import Final

from headwater.net.socket_address import family_of, socket_address

_NO_INTERFACE: Final = "0.0.0.0"


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

    `port` is the source port, 0 any. `loopback` also delivers to members on this machine. Raises
    ValueError when the group is not a multicast address or the TTL is not 0 to 255, OSError when
    the interface does not exist.
    """
    _check_group(group)
    if not 0 <= ttl <= 255:
        raise ValueError(f"ttl is {ttl}, allowed is 0 to 255")
    family = family_of(group)
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, int(loopback))
            if interface:
                request = _ipv4_interface(interface)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
            sock.bind((_NO_INTERFACE, port))
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, ttl)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, int(loopback))
            if interface:
                index = interface_index(interface)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(("::", port))
    except BaseException:
        sock.close()
        raise
    return sock


def open_multicast_receiver(
    group: str, port: int, *, interface: str = "", source: str = ""
) -> socket.socket:
    """Return a non-blocking socket that receives what is sent to `group` and `port`.

    Several may share the port. `source` admits one sender's datagrams only (IPv4). Raises
    ValueError when the group is not a multicast address, OSError when it cannot be joined.
    """
    _check_group(group)
    family = family_of(group)
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT") and not sys.platform.startswith("linux"):
            # BSD systems share a port by this option only.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Bound to the group, other groups on the same port do not come in; Windows cannot.
        host = group if sys.platform != "win32" else ("" if family == socket.AF_INET else "::")
        sock.bind(socket_address(host, port) if host else ("", port))
        join_group(sock, group, interface=interface, source=source)
    except BaseException:
        sock.close()
        raise
    return sock


def join_group(sock: socket.socket, group: str, *, interface: str = "", source: str = "") -> None:
    """Receive what is sent to a group on this socket's port; `source` limits it to one sender.

    Raises ValueError when the group is not multicast or `source` is given for IPv6, OSError when
    the interface does not exist or has no such group.
    """
    _check_group(group)
    if family_of(group) == socket.AF_INET6:
        if source:
            raise ValueError("source-specific groups are for IPv4 only")
        sock.setsockopt(
            socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, _ipv6_request(group, interface)
        )
    elif source:
        option = getattr(socket, "IP_ADD_SOURCE_MEMBERSHIP", 39)
        card = socket.inet_aton(interface_address(interface) if interface else _NO_INTERFACE)
        group_bytes, source_bytes = socket.inet_aton(group), socket.inet_aton(source)
        # Linux has the interface before the source in struct ip_mreq_source, others after it.
        tail = card + source_bytes if sys.platform.startswith("linux") else source_bytes + card
        sock.setsockopt(socket.IPPROTO_IP, option, group_bytes + tail)
    else:
        request = _ipv4_request(group, interface)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)


def interface_index(interface: str) -> int:
    """Return the number of an interface named by its name or number, 0 for the empty one.

    Raises OSError when there is none of that name.
    """
    if not interface:
        return 0
    return int(interface) if interface.isdecimal() else socket.if_nametoindex(interface)


def interface_address(interface: str) -> str:
    """Return the IPv4 address of an interface named by its address or, on Linux, its name.

    Raises OSError when there is none of that name or it has no IPv4 address.
    """
    try:
        ipaddress.IPv4Address(interface)
    except ValueError:
        return _address_of_name(interface)
    return interface


def _address_of_name(name: str) -> str:
    if not sys.platform.startswith("linux"):
        raise OSError(f"interface {name!r} must be given by its IPv4 address on this system")
    import fcntl

    siocgifaddr = 0x8915
    request = struct.pack("256s", name.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = fcntl.ioctl(sock.fileno(), siocgifaddr, request)
    return socket.inet_ntoa(answer[20:24])


def _check_group(group: str) -> None:
    if not is_multicast(group):
        raise ValueError(f"{group!r} is not a numeric multicast address")


def _ipv4_request(group: str, interface: str) -> bytes:
    """Return `struct ip_mreq`, which all systems take, or `ip_mreqn` for an interface by name."""
    group_bytes = socket.inet_aton(group)
    if not interface:
        return group_bytes + socket.inet_aton(_NO_INTERFACE)
    with contextlib.suppress(ValueError):
        return group_bytes + ipaddress.IPv4Address(interface).packed
    return group_bytes + _by_index(interface)


def _ipv4_interface(interface: str) -> bytes:
    """Return `struct in_addr`, which all systems take, or `ip_mreqn` for an interface by name."""
    with contextlib.suppress(ValueError):
        return ipaddress.IPv4Address(interface).packed
    return socket.inet_aton(_NO_INTERFACE) + _by_index(interface)


def _by_index(interface: str) -> bytes:
    return socket.inet_aton(_NO_INTERFACE) + struct.pack("@i", interface_index(interface))


def _ipv6_request(group: str, interface: str) -> bytes:
    """Return `struct ipv6_mreq`."""
    host, _, zone = group.partition("%")
    index = interface_index(interface or zone)
    return socket.inet_pton(socket.AF_INET6, host) + struct.pack("@I", index)

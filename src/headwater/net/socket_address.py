"""Socket addresses as the socket module passes them, and the few questions asked of them."""

from __future__ import annotations

import ipaddress
import socket
from functools import lru_cache
from typing import Final, TypeAlias

Address: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
"""`(host, port)` for IPv4, `(host, port, flow, scope)` for IPv6; the host is numeric."""


_DISCARD_PORT: Final = 9


@lru_cache(maxsize=1024)
def _parsed(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    # Each session asks several times for the same few addresses.
    return ipaddress.ip_address(host)


@lru_cache(maxsize=1024)
def family_of(host: str) -> socket.AddressFamily:
    """Return AF_INET or AF_INET6 for a numeric host; an IPv6 zone (`%eth0`) is allowed.

    Raises ValueError when the host is not a numeric address.
    """
    version = _parsed(host).version
    return socket.AF_INET if version == 4 else socket.AF_INET6


def socket_address(host: str, port: int) -> Address:
    """Return the address tuple to pass to `sendto` or `connect` for a numeric host.

    Raises ValueError when the host is not a numeric address, OSError when its zone names no
    interface of this machine.
    """
    address = _parsed(host)
    if isinstance(address, ipaddress.IPv4Address):
        return (host, port)
    if address.scope_id is None:
        return (host, port, 0, 0)
    return (host.partition("%")[0], port, 0, interface_index(address.scope_id))


def interface_index(interface: str) -> int:
    """Return the number of an interface named by its name or number, 0 for the empty one.

    Raises OSError when there is none of that name.
    """
    if not interface or interface.isdecimal():
        return int(interface or 0)
    try:
        return socket.if_nametoindex(interface)
    except OSError as error:
        # CPython's own words, which differ with its version, leave the name out.
        raise OSError(error.errno, f"this machine has no interface named {interface!r}") from None


def can_reach(local_ip: str, peer_ip: str) -> bool:
    """Return whether a datagram from a socket on this address can go to that one.

    The client of a proxy may have an address of the other family, or one that no loopback
    address reaches. Where both are loopback addresses, or neither is, nobody is asked.
    """
    known = _known_reach(local_ip, peer_ip)
    if known is not None:
        return known
    try:
        with socket.socket(family_of(local_ip), socket.SOCK_DGRAM) as sock:
            sock.bind(socket_address(local_ip, 0))
            sock.connect(socket_address(peer_ip, _DISCARD_PORT))
    except OSError:
        return False
    return True


@lru_cache(maxsize=1024)
def _known_reach(local_ip: str, peer_ip: str) -> bool | None:
    local, peer = _parsed(local_ip), _parsed(peer_ip)
    if local.version != peer.version:
        return False
    return True if local.is_loopback == peer.is_loopback else None


def address_text(address: Address | tuple[str, int]) -> str:
    """Return `host:port`, with brackets around an IPv6 host: how a peer is named everywhere."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def unmapped(address: Address) -> Address:
    """Return an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) as IPv4, others unchanged."""
    host = address[0]
    if len(address) == 4 and host.startswith("::ffff:") and "." in host:
        return (host[7:], address[1])
    return address


@lru_cache(maxsize=4096)
def address_block(host: str, ipv6_prefix_bits: int) -> str:
    """Return what counts as one address: an IPv4 address, or the network of an IPv6 address.

    An IPv6 site is given a /64 at least, so each of its addresses says nothing. IPv4-mapped
    addresses count as IPv4; a host that is not an address counts as itself.
    """
    address = _without_mapping(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, ipv6_prefix_bits), strict=False))
    return host if address is None else str(address)


@lru_cache(maxsize=4096)
def network_of(host: str, *, ipv4_prefix_bits: int, ipv6_prefix_bits: int) -> str:
    """Return the network of an address; a host that is not an address is one of its own."""
    address = _without_mapping(host)
    if address is None:
        return host
    prefix_bits = ipv4_prefix_bits if address.version == 4 else ipv6_prefix_bits
    return str(ipaddress.ip_network((address, prefix_bits), strict=False))


def _without_mapping(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address without its zone, an IPv4-mapped one as IPv4; None for a host name."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = None if isinstance(address, ipaddress.IPv4Address) else address.ipv4_mapped
    return mapped or address

"""A member of a multicast group on this machine."""

from __future__ import annotations

import socket
import struct

from headwater.net.socket_address import family_of, socket_address


def group_member(group: str, port: int, interface: str = "127.0.0.1") -> socket.socket:
    """A non-blocking socket that receives what comes to the group on an interface.

    The interface is named by its IPv4 address, or by its name. Raises OSError where there is no
    multicast.
    """
    family = family_of(group)
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Bound to the group, other groups on the same port do not come in.
        sock.bind(socket_address(group, port))
        packed = socket.inet_pton(family, group)
        if family == socket.AF_INET6:
            request = packed + struct.pack("@I", socket.if_nametoindex(interface))
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
        else:
            request = packed + socket.inet_aton(interface)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
    except BaseException:
        sock.close()
        raise
    return sock

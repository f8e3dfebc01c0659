"""Options of every TCP connection: little messages leave at once, and a dead peer is noticed."""

from __future__ import annotations

import socket
import sys
from typing import Final

INHERITED: Final = sys.platform.startswith("linux")
"""Whether a connection has them from the socket that listens: a system call less for each."""

_OPTIONS: Final = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
)


def set_tcp_options(sock: socket.socket) -> None:
    """Set them on a connection, or on a socket that will listen.

    Raises OSError where the connection is gone already.
    """
    for level, option in _OPTIONS:
        sock.setsockopt(level, option, 1)

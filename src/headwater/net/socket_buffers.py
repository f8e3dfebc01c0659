"""Kernel buffers of sockets: ask for a size, read back what was given, say what is missing."""

from __future__ import annotations

import contextlib
import socket
import sys
from dataclasses import dataclass
from typing import Final

# Linux: as SO_RCVBUF and SO_SNDBUF, past the sysctl limits, for processes with CAP_NET_ADMIN.
_SO_SNDBUFFORCE: Final = 32
_SO_RCVBUFFORCE: Final = 33


@dataclass(frozen=True, slots=True)
class BufferSize:
    """What was asked of the kernel and what it gave, in bytes of payload and bookkeeping."""

    name: str
    asked_bytes: int
    given_bytes: int
    limit: str
    """The system setting that caps the buffer."""

    @property
    def shortfall(self) -> str | None:
        """Return one sentence for the log when the buffer is smaller than asked, else None."""
        if self.given_bytes >= self.asked_bytes:
            return None
        return (
            f"the kernel gives {self.given_bytes} bytes of {self.name} where {self.asked_bytes} "
            f"were asked; raise it with: {self.limit}"
        )


def set_receive_buffer(sock: socket.socket, asked_bytes: int) -> BufferSize:
    """Ask for a receive buffer and return what the kernel gave; never raises for a refusal."""
    return _set(
        sock, "receive buffer", socket.SO_RCVBUF, _SO_RCVBUFFORCE, asked_bytes, "net.core.rmem_max"
    )


def set_send_buffer(sock: socket.socket, asked_bytes: int) -> BufferSize:
    """Ask for a send buffer and return what the kernel gave; never raises for a refusal."""
    return _set(
        sock, "send buffer", socket.SO_SNDBUF, _SO_SNDBUFFORCE, asked_bytes, "net.core.wmem_max"
    )


def bound_unsent(sock: socket.socket, most_bytes: int) -> bool:
    """Bound what the kernel takes of a TCP socket before it can send it; tell whether it does.

    A `send` past the bound takes less than it was given, or nothing (Linux, macOS). What was sent
    and is not acknowledged yet does not count.
    """
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if option is None:
        return False
    try:
        sock.setsockopt(socket.IPPROTO_TCP, option, most_bytes)
    except OSError:
        return False
    return True


def _set(
    sock: socket.socket, name: str, option: int, force: int, asked_bytes: int, sysctl: str
) -> BufferSize:
    linux = sys.platform.startswith("linux")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, option, asked_bytes)
    given_bytes = _given(sock, option)
    if linux and given_bytes < asked_bytes:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, force, asked_bytes)
        given_bytes = _given(sock, option)
    limit = (
        f"sysctl -w {sysctl}={asked_bytes}"
        if linux
        else f"sysctl -w kern.ipc.maxsockbuf={2 * asked_bytes}"
    )
    return BufferSize(name, asked_bytes, given_bytes, limit)


def _given(sock: socket.socket, option: int) -> int:
    """Read a buffer's size back; Linux tells twice what was set (socket(7))."""
    size = sock.getsockopt(socket.SOL_SOCKET, option)
    return size // 2 if sys.platform.startswith("linux") else size

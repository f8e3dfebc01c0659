"""What this kernel and this Python can do for sockets, found out once by trying."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from dataclasses import dataclass
from functools import cache
from typing import Final

from headwater.net.datagram_vector import sendmmsg

# Linux's numbers (linux/udp.h, asm-generic/socket.h); Python's socket module has no names for them.
SOL_UDP: Final = 17
UDP_SEGMENT: Final = 103
UDP_GRO: Final = 104
SO_RXQ_OVFL: Final = 40
SO_MEMINFO: Final = 55
MEMINFO_DROPS_INDEX: Final = 8
MEMINFO_BYTES: Final = 9 * 4

_PROBE_SEGMENT_BYTES: Final = 100
_PROBE_TIMEOUT_S: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelFeatures:
    """Features found; all False is a correct answer on every platform, only slower."""

    sendmsg: bool = False
    """Vectored writes (`socket.sendmsg`)."""
    recvmsg: bool = False
    """Control messages with received datagrams (`socket.recvmsg`)."""
    sendmmsg: bool = False
    """Datagrams to many addresses in one call (`DatagramVector`)."""
    udp_segment: bool = False
    """UDP segmentation offload on send: one call carries up to 64 datagrams of one size."""
    udp_gro: bool = False
    """UDP receive offload: one call may return several datagrams of one size."""
    rxq_ovfl: bool = False
    """The socket's receive drops come with each datagram (`SO_RXQ_OVFL`)."""
    meminfo_drops: bool = False
    """The socket's receive drops can be asked for at any time (`SO_MEMINFO`)."""
    ipv6: bool = False
    """IPv6 sockets can be made and bound."""


@cache
def probe() -> KernelFeatures:
    """Return what this machine can do; never raises, asks the kernel only the first time."""
    linux = sys.platform.startswith("linux")
    return KernelFeatures(
        sendmsg=hasattr(socket.socket, "sendmsg"),
        recvmsg=hasattr(socket.socket, "recvmsg"),
        sendmmsg=sendmmsg() is not None,
        udp_segment=linux and _segments_arrive(),
        udp_gro=linux and _option_sticks(SOL_UDP, UDP_GRO),
        rxq_ovfl=linux and _option_sticks(socket.SOL_SOCKET, SO_RXQ_OVFL),
        meminfo_drops=linux and _has_meminfo(),
        ipv6=_has_ipv6(),
    )


def _segments_arrive() -> bool:
    """Send two segments over loopback and see two datagrams arrive.

    Some sandboxes accept the option and send one datagram anyway, so only the result counts. Where
    there is no loopback to try it on (a bare network namespace), the option is believed.
    """
    payload = bytes(_PROBE_SEGMENT_BYTES) + b"\x01" * (_PROBE_SEGMENT_BYTES - 1)
    size = struct.pack("=H", _PROBE_SEGMENT_BYTES)
    with (
        contextlib.suppress(OSError, AttributeError),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        try:
            receiver.bind(("127.0.0.1", 0))
        except OSError:
            return _option_sticks(SOL_UDP, UDP_SEGMENT)
        receiver.settimeout(_PROBE_TIMEOUT_S)
        sender.sendmsg([payload], [(SOL_UDP, UDP_SEGMENT, size)], 0, receiver.getsockname())
        first = receiver.recv(2 * len(payload))
        second = receiver.recv(2 * len(payload))
        return first + second == payload and len(first) == _PROBE_SEGMENT_BYTES
    return False


def _option_sticks(level: int, option: int) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(level, option, 1)
        return sock.getsockopt(level, option) == 1
    return False


def _has_meminfo() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMINFO_BYTES)
        return len(answer) == MEMINFO_BYTES
    return False


def _has_ipv6() -> bool:
    if not socket.has_ipv6:
        return False
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock,
    ):
        sock.bind(("::1", 0))
        return True
    return False


def receive_drops(sock: socket.socket) -> int | None:
    """Return how many datagrams the kernel dropped at this socket's full buffer; None if unknown.

    This is the counter behind `SO_RXQ_OVFL`, asked for instead of carried with every datagram,
    so the receive path need not parse control messages.
    """
    if not probe().meminfo_drops:
        return None
    try:
        answer = sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMINFO_BYTES)
    except OSError:
        return None
    return int(struct.unpack_from("=I", answer, MEMINFO_DROPS_INDEX * 4)[0])

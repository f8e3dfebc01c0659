"""Drain a UDP socket into batches: one call back for all that one wake-up found."""

from __future__ import annotations

import socket
from asyncio import AbstractEventLoop
from collections.abc import Callable

from headwater.net.socket_address import Address


class UdpReceiver:
    """Reads datagrams from whoever the socket is connected to, or from anyone.

    `on_packets` gets a non-empty list, in order of arrival, at most `packets_per_wake` long (more
    only when the kernel coalesced the last ones). Empty datagrams are left out. Reading begins at
    once and ends with `close`, which leaves the socket itself open.
    """

    def __init__(
        self,
        sock: socket.socket,
        loop: AbstractEventLoop,
        on_packets: Callable[[list[bytes]], None],
        *,
        packets_per_wake: int = 256,
    ) -> None:
        self.packets: int = 0
        self.bytes_received: int = 0
        self.wakes: int = 0
        self.refused: int = 0
        self.errors: int = 0
        raise NotImplementedError

    @property
    def kernel_drops(self) -> int:
        """Datagrams the kernel dropped because this socket's buffer was full."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop reading; the socket stays open. A second call does nothing."""


class UdpDatagramReceiver:
    """As UdpReceiver, for sockets that must know who sent each datagram.

    `on_datagrams` gets a non-empty list of `(payload, source address)`.
    """

    def __init__(
        self,
        sock: socket.socket,
        loop: AbstractEventLoop,
        on_datagrams: Callable[[list[tuple[bytes, Address]]], None],
        *,
        packets_per_wake: int = 256,
    ) -> None:
        self.packets: int = 0
        self.bytes_received: int = 0
        self.wakes: int = 0
        self.refused: int = 0
        self.errors: int = 0
        raise NotImplementedError

    @property
    def kernel_drops(self) -> int:
        """Datagrams the kernel dropped because this socket's buffer was full."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop reading; the socket stays open. A second call does nothing."""

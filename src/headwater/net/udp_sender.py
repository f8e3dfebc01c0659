"""Send the same datagrams to many addresses with as few and as cheap system calls as there are."""

from __future__ import annotations

import socket
from asyncio import AbstractEventLoop
from collections.abc import Sequence

from headwater.net.kernel_features import KernelFeatures
from headwater.net.segmentation import Run
from headwater.net.socket_address import Address


class Destination:
    """One address that a UdpSender serves, with what went wrong on the way there."""

    __slots__ = ("active", "address", "dropped_packets", "errors", "refused", "segmented")

    def __init__(self, address: Address, *, segmented: bool) -> None:
        self.address: Address = address
        self.segmented: bool = segmented
        self.active: bool = True
        self.dropped_packets: int = 0
        self.refused: int = 0
        self.errors: int = 0


class UdpSender:
    """Fans datagrams out from one unconnected (or multicast) UDP socket.

    When the socket's send buffer is full, sending goes on later where it stopped, and what comes
    meanwhile waits behind it, so each destination keeps its order. At most `max_pending_bytes`
    (bytes for the wire: buffer times destinations) wait at most `max_pending_age_s` seconds; the
    rest is dropped and counted. The socket stays the caller's to close, after `close`.
    """

    def __init__(
        self,
        sock: socket.socket,
        loop: AbstractEventLoop,
        features: KernelFeatures | None = None,
        *,
        max_pending_bytes: int = 33_554_432,
        max_pending_age_s: float = 0.5,
    ) -> None:
        self.sent_packets: int = 0
        self.sent_bytes: int = 0
        self.dropped_packets: int = 0
        self.dropped_bytes: int = 0
        self.pending_bytes: int = 0
        self.stalls: int = 0
        self.refused: int = 0
        self.errors: int = 0
        raise NotImplementedError

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Every destination now served."""
        raise NotImplementedError

    def add(self, address: Address) -> Destination:
        """Serve an address from the next `send` on; the same address twice is served twice."""
        raise NotImplementedError

    def remove(self, destination: Destination) -> None:
        """Serve a destination no more; what waits for it is left out. Twice does nothing."""
        raise NotImplementedError

    def send(self, runs: Sequence[Run]) -> None:
        """Send runs to every destination; never raises for the network."""
        raise NotImplementedError

    def send_to(self, destination: Destination, runs: Sequence[Run]) -> None:
        """Send runs to one destination, behind whatever waits for it."""
        raise NotImplementedError

    def send_plain(self, destination: Destination, data: bytes) -> None:
        """Send one datagram to one destination, behind whatever waits for it."""
        raise NotImplementedError

    def close(self) -> None:
        """Forget destinations and whatever waits; the socket stays open."""
        raise NotImplementedError

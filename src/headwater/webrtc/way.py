"""The ways on which a peer is reached: one address by UDP, or one TCP connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from headwater.net.segmentation import Run
from headwater.net.socket_address import Address, address_text
from headwater.net.stream import ByteStream
from headwater.net.udp_destination import Destination
from headwater.net.udp_sender import UdpSender

_SIZE_BYTES = 2
_MOST_FRAME_BYTES = 4_096
"""Larger than anything that a browser sends over TCP."""


class Way(Protocol):
    """Where datagrams of one peer go."""

    name: str

    @property
    def peer(self) -> tuple[str, int]:
        """The address of the peer."""

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait to leave; over UDP those of all peers."""

    def send(self, runs: Sequence[Run]) -> None:
        """Send packets in runs."""

    def send_datagram(self, datagram: bytes) -> None:
        """Send one datagram."""

    def close(self) -> None:
        """Let go of it: nothing is sent any more."""


class UdpWay(Way):
    """An address, from a socket that all peers share.

    Attributes:
        address: where it is.
        sender: what sends from the socket.
        destination: the address, as the sender knows it.
    """

    name = "webrtc-udp"

    def __init__(self, sender: UdpSender, address: Address) -> None:
        self.address = address
        self.sender = sender
        self.destination: Destination = sender.destination(address)

    @property
    def peer(self) -> tuple[str, int]:
        """The address of the peer."""
        return self.address[0], self.address[1]

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait for the socket, of all peers."""
        return self.sender.pending_bytes

    def send(self, runs: Sequence[Run]) -> None:
        """Send packets in runs."""
        self.sender.send_to(self.destination, runs)

    def send_datagram(self, datagram: bytes) -> None:
        """Send one datagram."""
        self.sender.send_to(self.destination, (Run(datagram, len(datagram), 1),))

    def close(self) -> None:
        """Leave out what waits for this address."""
        self.sender.remove(self.destination)


class TcpWay(Way):
    """A TCP connection, on which each datagram has its size in front (RFC 4571, RFC 6544)."""

    name = "webrtc-tcp"
    stream: ByteStream

    def __init__(
        self,
        opened_s: float,
        on_datagram: Callable[[TcpWay, bytes], None],
        on_lost: Callable[[TcpWay], None],
    ) -> None:
        self.opened_s = opened_s
        self._on_datagram = on_datagram
        self._on_lost = on_lost
        self._data = b""

    @property
    def peer(self) -> tuple[str, int]:
        """The address of the peer."""
        address = self.stream.peer_address
        return address[0], address[1]

    @property
    def peer_text(self) -> str:
        """The peer as log lines name it."""
        return address_text(self.peer)

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait for the peer."""
        return self.stream.queued_bytes

    def send(self, runs: Sequence[Run]) -> None:
        """Send packets in runs."""
        packets = [packet for run in runs for packet in run.packets()]
        self.stream.write(b"".join([part for packet in packets for part in _framed(packet)]))

    def send_datagram(self, datagram: bytes) -> None:
        """Send one datagram."""
        self.stream.write(b"".join(_framed(datagram)))

    def close(self) -> None:
        """Close the connection."""
        self.stream.close()

    # -- what the stream tells

    def stream_data(self, data: bytes) -> None:
        """Take bytes; each whole datagram is told."""
        data = self._data + data
        at = 0
        while at + _SIZE_BYTES <= len(data):
            size = int.from_bytes(data[at : at + _SIZE_BYTES], "big")
            if not 0 < size <= _MOST_FRAME_BYTES:
                self.stream.abort()
                return
            end = at + _SIZE_BYTES + size
            if end > len(data):
                break
            self._on_datagram(self, data[at + _SIZE_BYTES : end])
            if self.stream.closed:
                return
            at = end
        self._data = data[at:]

    def stream_drained(self) -> None:
        """Do nothing: media does not wait for it."""

    def stream_closed(self, _error: Exception | None) -> None:
        """Tell that the connection is gone."""
        self._on_lost(self)


def _framed(datagram: bytes) -> tuple[bytes, bytes]:
    return len(datagram).to_bytes(_SIZE_BYTES, "big"), datagram

"""A pair of UDP sockets that feeds one track."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import partial

from headwater.log_pace import paced_logger
from headwater.media.tracks.track import Track
from headwater.net.event_loop import EventLoop
from headwater.net.port_pairs import UdpPair
from headwater.net.settings import SocketSettings
from headwater.net.socket_address import Address, socket_address
from headwater.net.socket_buffers import set_receive_buffer
from headwater.net.udp_receiver import UdpDatagramReceiver, UdpReceiver
from headwater.protocol.errors import ProtocolError
from headwater.protocol.status import Status
from headwater.transports.contained import PacketsConsumer, RunConsumer, contained, end_failed
from headwater.transports.datagram.arrival import Arrival
from headwater.transports.ingest import Ingest, IngestOwner

logger = paced_logger(__name__)

_NAT_OPENERS = (bytes((0x80,)) + bytes(11), bytes((0x80, 201, 0, 1, 0, 0, 0, 0)))
"""What opens a NAT towards the sender's ports: an RTP header and a receiver report, both empty."""


class TakenPorts(Enum):
    """From which ports of its sender's hosts an ingest takes packets."""

    AGREED = "agreed"
    """The two that were agreed on. The kernel drops what comes from anywhere else."""
    FIRST_HEARD = "first heard"
    """The one that the first packet comes from, whichever it is, and no other after it."""
    ANY = "any"
    """All, also when they change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpSource:
    """Where one track's packets come from.

    Attributes:
        hosts: the numeric addresses that they may come from, at least one; RTCP goes to the first.
        ports: their ports of RTP and RTCP; None where they were not told.
        taken: from which ports of these hosts packets are taken.
    """

    hosts: tuple[str, ...]
    ports: tuple[int, int] | None
    taken: TakenPorts

    def __post_init__(self) -> None:
        if self.taken is TakenPorts.AGREED and (self.ports is None or len(self.hosts) != 1):
            raise ValueError("a UDP source with agreed ports needs these ports and one host")


class UdpIngest(Ingest):
    """Feeds a track from a pair of sockets, by the rule of `TakenPorts` that its source has.

    What arrives before the start waits in the sockets' buffers, since some publishers send before
    an answer has reached them.
    """

    def __init__(
        self,
        owner: IngestOwner,
        pair: UdpPair,
        loop: EventLoop,
        sockets: SocketSettings,
        source: UdpSource,
    ) -> None:
        """Take over the pair; where this fails, it stays the caller's.

        Raises ProtocolError 461 when no datagram can go between this machine's address and the
        source's: over TCP it may.
        """
        self._owner = owner
        self._pair = pair
        self._loop = loop
        self._sockets = sockets
        self._source = source
        self._receivers: dict[socket.socket, UdpReceiver | UdpDatagramReceiver] = {}
        self._connected: set[socket.socket] = set()
        self._arrival: Arrival | None = None
        self._former_kernel_drops = 0
        self._rtp_peer: Address | None = None
        self._rtcp_peer: Address | None = None
        if source.ports is not None:
            self._rtp_peer, self._rtcp_peer = (
                socket_address(source.hosts[0], port) for port in source.ports
            )
        set_receive_buffer(pair.rtp, sockets.udp_receive_buffer_bytes)
        if source.taken is TakenPorts.AGREED:
            self._connect()

    @property
    def kernel_drops(self) -> int:
        """Datagrams that the kernel dropped because a receive buffer was full."""
        now = sum(receiver.kernel_drops for receiver in self._receivers.values())
        return self._former_kernel_drops + now

    def start(self, track: Track) -> None:
        """Read from the sockets from now on."""
        self.stop()
        pair = self._pair
        for sock, write, write_run in (
            (pair.rtp, track.write, track.write_run),
            (pair.rtcp, track.write_rtcp, None),
        ):
            if sock in self._connected:
                self._receive(sock, write, write_run)
            elif self._source.taken is TakenPorts.FIRST_HEARD:
                self._latch(sock, write, write_run)
            else:
                self._receive_from_hosts(sock, contained(write, self._owner))

    def on_arrival(self, call: Callable[[], None]) -> None:
        """Call once, before the start, when a packet of RTP waits in the socket's buffer."""
        self.stop()
        self._arrival = Arrival(self._pair.rtp, self._loop, call)

    def stop(self) -> None:
        """Read no more; the ports stay."""
        if self._arrival is not None:
            self._arrival.close()
            self._arrival = None
        for receiver in self._receivers.values():
            self._former_kernel_drops += receiver.kernel_drops
            receiver.close()
        self._receivers.clear()

    def close(self) -> None:
        """Close the sockets and return the ports."""
        self.stop()
        self._pair.close()

    def send_rtcp(self, packet: bytes) -> None:
        """Send an RTCP packet to the sender's RTCP port, as far as that is known."""
        self._send(self._pair.rtcp, self._rtcp_peer, packet)

    def open_nat(self) -> None:
        """Send an empty packet from both ports, so that a NAT on this side lets media in."""
        pair = self._pair
        for sock, peer, packet in zip(
            (pair.rtp, pair.rtcp), (self._rtp_peer, self._rtcp_peer), _NAT_OPENERS, strict=True
        ):
            self._send(sock, peer, packet)

    def _send(self, sock: socket.socket, peer: Address | None, packet: bytes) -> None:
        try:
            if sock in self._connected:
                sock.send(packet)
            elif peer is not None:
                sock.sendto(packet, peer)
        except OSError as error:
            logger.debug(
                "RTCP not sent to the publisher", extra=self._extra | {"cause": str(error)}
            )

    def _receive(
        self, sock: socket.socket, write: PacketsConsumer, write_run: RunConsumer | None
    ) -> None:
        self._receivers[sock] = UdpReceiver(
            sock,
            self._loop,
            write,
            on_run=write_run,
            on_failure=partial(end_failed, self._owner),
            packets_per_wake=self._sockets.udp_packets_per_wake,
        )

    def _latch(
        self, sock: socket.socket, write: PacketsConsumer, write_run: RunConsumer | None
    ) -> None:
        consumer = contained(write, self._owner)

        def receive(datagrams: list[tuple[bytes, Address]]) -> None:
            own = [address for _, address in datagrams if address[0] in self._source.hosts]
            if not own or sock in self._connected:
                return
            sock.connect(own[0])
            self._connected.add(sock)
            self._receivers.pop(sock).close()
            self._receive(sock, write, write_run)
            logger.info("publisher's port latched", extra=self._extra | {"port": own[0][1]})
            consumer([packet for packet, address in datagrams if address == own[0]])

        self._receivers[sock] = UdpDatagramReceiver(sock, self._loop, receive)

    def _receive_from_hosts(self, sock: socket.socket, consumer: PacketsConsumer) -> None:
        def receive(datagrams: list[tuple[bytes, Address]]) -> None:
            own = [one for one in datagrams if one[1][0] in self._source.hosts]
            if own:
                if sock is self._pair.rtcp:
                    self._rtcp_peer = own[-1][1]
                consumer([packet for packet, _ in own])

        self._receivers[sock] = UdpDatagramReceiver(
            sock, self._loop, receive, packets_per_wake=self._sockets.udp_packets_per_wake
        )

    @property
    def _extra(self) -> dict[str, object]:
        return {"session": self._owner.id, "peer": self._owner.peer}

    def _connect(self) -> None:
        assert self._rtp_peer is not None  # noqa: S101 - UdpSource has checked it
        assert self._rtcp_peer is not None  # noqa: S101
        pair = self._pair
        try:
            pair.connect(self._rtp_peer, self._rtcp_peer)
        except OSError as error:
            raise ProtocolError(
                f"UDP does not reach {self._rtp_peer[0]} from this machine ({error.strerror}); "
                "use TCP",
                status=Status.UNSUPPORTED_TRANSPORT,
                where="Transport",
            ) from error
        self._connected = {pair.rtp, pair.rtcp}
        _forget_what_came(pair)


def _forget_what_came(pair: UdpPair) -> None:
    """Drop what strangers sent in the moment before the sockets were connected."""
    for sock in (pair.rtp, pair.rtcp):
        with suppress(OSError):
            while True:
                sock.recv(1)

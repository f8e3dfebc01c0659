"""Membership of a multicast group that feeds one track, for a client that joins it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from headwater.log_pace import paced_logger
from headwater.media.tracks.track import Track
from headwater.net.event_loop import EventLoop
from headwater.net.multicast import open_multicast_listener, open_multicast_sender
from headwater.net.settings import SocketSettings
from headwater.net.socket_address import Address, socket_address
from headwater.net.socket_buffers import set_receive_buffer
from headwater.net.udp_receiver import UdpDatagramReceiver
from headwater.transports.contained import contained
from headwater.transports.datagram.arrival import Arrival
from headwater.transports.ingest import Ingest, IngestOwner

logger = paced_logger(__name__)

_USUAL_TTL = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class MulticastGroup:
    """A track's group, as it was agreed on.

    Attributes:
        address: the numeric address of the group.
        ports: for RTP and RTCP.
        ttl: hops that reports may take; None where it was not told.
        hosts: the numeric addresses of those who send to it; what others send is dropped.
        interface: the interface that the group is joined on, by address or name; "" is any.
    """

    address: str
    ports: tuple[int, int]
    ttl: int | None = None
    hosts: tuple[str, ...]
    interface: str = ""


class MulticastIngest(Ingest):
    """Feeds a track with what its hosts send to a group.

    Its reports go to the group, as RFC 3550 §6 has it.
    """

    def __init__(
        self,
        owner: IngestOwner,
        loop: EventLoop,
        sockets: SocketSettings,
        group: MulticastGroup,
    ) -> None:
        """Join the group.

        Raises OSError when it cannot be joined, or a port is another program's alone.
        """
        self._owner = owner
        self._loop = loop
        self._packets_per_wake = sockets.udp_packets_per_wake
        self._group = group
        self._rtcp_address = socket_address(group.address, group.ports[1])
        self._receivers: list[UdpDatagramReceiver] = []
        self._arrival: Arrival | None = None
        self._former_kernel_drops = 0
        with ExitStack() as opened:
            self._rtp, self._rtcp = (
                opened.enter_context(
                    open_multicast_listener(group.address, port, interface=group.interface)
                )
                for port in group.ports
            )
            self._sender = opened.enter_context(
                open_multicast_sender(
                    group.address,
                    ttl=_USUAL_TTL if group.ttl is None else group.ttl,
                    interface=group.interface,
                )
            )
            set_receive_buffer(self._rtp, sockets.udp_receive_buffer_bytes)
            opened.pop_all()
        self._own_address: tuple[str, int] = self._sender.getsockname()[:2]

    @property
    def kernel_drops(self) -> int:
        """Datagrams that the kernel dropped because a receive buffer was full."""
        return self._former_kernel_drops + sum(one.kernel_drops for one in self._receivers)

    def start(self, track: Track) -> None:
        """Read from the group from now on."""
        self.stop()
        for sock, write in ((self._rtp, track.write), (self._rtcp, track.write_rtcp)):
            self._receivers.append(
                UdpDatagramReceiver(
                    sock,
                    self._loop,
                    self._of_hosts(contained(write, self._owner)),
                    packets_per_wake=self._packets_per_wake,
                )
            )

    def on_arrival(self, call: Callable[[], None]) -> None:
        """Call once, before the start, when a datagram for the group's RTP port waits."""
        self.stop()
        self._arrival = Arrival(self._rtp, self._loop, call)

    def stop(self) -> None:
        """Read no more; the group stays joined."""
        if self._arrival is not None:
            self._arrival.close()
            self._arrival = None
        for receiver in self._receivers:
            self._former_kernel_drops += receiver.kernel_drops
            receiver.close()
        self._receivers.clear()

    def close(self) -> None:
        """Leave the group."""
        self.stop()
        for sock in (self._rtp, self._rtcp, self._sender):
            sock.close()

    def send_rtcp(self, packet: bytes) -> None:
        """Send an RTCP packet to the group; one that cannot leave is lost."""
        try:
            self._sender.sendto(packet, self._rtcp_address)
        except OSError as error:
            extra = {"session": self._owner.id, "peer": self._owner.peer, "cause": str(error)}
            logger.debug("packet to the group not sent", extra=extra)

    def open_nat(self) -> None:
        """Do nothing: a NAT lets no group in."""

    def _of_hosts(
        self, consumer: Callable[[list[bytes]], None]
    ) -> Callable[[list[tuple[bytes, Address]]], None]:
        """Leave out what others than the senders sent, and what came back of this end's own."""
        hosts = frozenset(host.partition("%")[0] for host in self._group.hosts)
        own_address = self._own_address

        def receive(datagrams: list[tuple[bytes, Address]]) -> None:
            packets = [
                packet
                for packet, address in datagrams
                if address[0].partition("%")[0] in hosts and address[:2] != own_address
            ]
            if packets:
                consumer(packets)

        return receive

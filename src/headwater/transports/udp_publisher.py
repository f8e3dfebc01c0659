"""A publisher whose packets come over UDP, a port pair for each track."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace

from headwater.log_pace import paced_logger
from headwater.media.track import Track
from headwater.net.event_loop import EventLoop
from headwater.net.port_pairs import PortPairPool, UdpPair
from headwater.net.settings import SocketSettings
from headwater.net.socket_address import Address, socket_address
from headwater.net.socket_buffers import set_receive_buffer
from headwater.net.udp_receiver import UdpDatagramReceiver, UdpReceiver
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.transport import LowerTransport, TransportSpec
from headwater.protocol.status import Status
from headwater.transports.negotiation import Offer
from headwater.transports.session_end import SessionIdentity
from headwater.transports.session_publisher import SessionPublisher
from headwater.transports.settings import TransportKind

logger = paced_logger(__name__)

PacketsConsumer = Callable[[list[bytes]], None]


@dataclass(slots=True)
class _Ingest:
    """One track's sockets; the receivers exist while the publisher records."""

    pair: UdpPair
    rtcp_peer: Address
    connected: set[socket.socket]
    receivers: dict[socket.socket, UdpReceiver | UdpDatagramReceiver] = field(default_factory=dict)
    kernel_drops: int = 0

    def stop(self) -> None:
        for receiver in self.receivers.values():
            self.kernel_drops += receiver.kernel_drops
            receiver.close()
        self.receivers.clear()

    def close(self) -> None:
        self.stop()
        self.pair.close()


class UdpPublisher(SessionPublisher):
    """Feeds tracks from UDP pairs that are connected to the publisher's own ports.

    The kernel drops what anyone else sends there. What arrives before RECORD waits in the
    sockets' buffers, since some publishers send before the answer has reached them.

    With `nat_latching` a socket is connected to where the first packet from the publisher's own
    address comes from; until then what other addresses send is dropped here.
    """

    def __init__(
        self,
        identity: SessionIdentity,
        loop: EventLoop,
        ports: PortPairPool,
        sockets: SocketSettings,
        *,
        nat_latching: bool = False,
    ) -> None:
        super().__init__(identity, TransportKind.UDP)
        self._nat_latching = nat_latching
        self._loop = loop
        self._ports = ports
        self._sockets = sockets
        self._ingests: dict[int, _Ingest] = {}

    @property
    def track_indexes(self) -> Sequence[int]:
        """The tracks that are set up."""
        return sorted(self._ingests)

    @property
    def kernel_drops(self) -> int:
        """Datagrams that the kernel dropped because a receive buffer was full."""
        return sum(
            ingest.kernel_drops + sum(one.kernel_drops for one in ingest.receivers.values())
            for ingest in self._ingests.values()
        )

    def add_track(self, index: int, offer: Offer) -> TransportSpec:
        """Bind a port pair and connect it to the publisher's ports.

        Raises PortsExhausted when the range, or the share of its address, is used up,
        ProtocolError 461 when no datagram can go between this machine's address and the
        publisher's: over TCP it may.
        """
        client_port = offer.spec.client_port
        assert client_port is not None, "negotiation lets no UDP offer through without ports"  # noqa: S101
        old = self._ingests.pop(index, None)
        if old is not None:
            old.close()
        peer_ip = self.identity.peer_ip
        rtp_peer, rtcp_peer = (socket_address(peer_ip, port) for port in client_port)
        with ExitStack() as taken:
            pair = self._ports.bind_pair(self.identity.local_ip, holder=self.identity.address_block)
            taken.callback(pair.close)
            set_receive_buffer(pair.rtp, self._sockets.udp_receive_buffer_bytes)
            if not self._nat_latching:
                _connect(pair, rtp_peer, rtcp_peer)
            connected = set() if self._nat_latching else {pair.rtp, pair.rtcp}
            self._ingests[index] = _Ingest(pair, rtcp_peer, connected)
            taken.pop_all()
        return replace(
            TransportSpec(profile=offer.spec.profile, lower=LowerTransport.UDP),
            unicast=True,
            client_port=client_port,
            server_port=(pair.rtp_port, pair.rtcp_port),
            mode=offer.spec.mode,
        )

    def start(self, tracks: Sequence[Track]) -> None:
        """Read from the sockets from now on."""
        for index, ingest in self._ingests.items():
            track = tracks[index]
            pair = ingest.pair
            for sock, write in ((pair.rtp, track.write), (pair.rtcp, track.write_rtcp)):
                consumer = self._contained(write)
                if sock in ingest.connected:
                    self._receive(ingest, sock, consumer)
                else:
                    self._latch(ingest, sock, consumer)

    def _receive(self, ingest: _Ingest, sock: socket.socket, consumer: PacketsConsumer) -> None:
        ingest.receivers[sock] = UdpReceiver(
            sock, self._loop, consumer, packets_per_wake=self._sockets.udp_packets_per_wake
        )

    def _latch(self, ingest: _Ingest, sock: socket.socket, consumer: PacketsConsumer) -> None:
        def receive(datagrams: list[tuple[bytes, Address]]) -> None:
            own = [address for _, address in datagrams if address[0] == self.identity.peer_ip]
            if not own or sock in ingest.connected:
                return
            sock.connect(own[0])
            ingest.connected.add(sock)
            ingest.receivers.pop(sock).close()
            self._receive(ingest, sock, consumer)
            logger.info(
                "publisher's port latched",
                extra={"session": self.id, "peer": self.peer, "port": own[0][1]},
            )
            consumer([packet for packet, address in datagrams if address == own[0]])

        ingest.receivers[sock] = UdpDatagramReceiver(sock, self._loop, receive)

    def stop(self) -> None:
        """Read no more; the ports stay."""
        for ingest in self._ingests.values():
            ingest.stop()

    def release(self) -> None:
        """Close the sockets and return the ports."""
        for ingest in self._ingests.values():
            ingest.close()
        self._ingests.clear()

    def send_rtcp(self, track_index: int, packet: bytes) -> None:
        """Send an RTCP packet to the publisher's RTCP port; one that cannot leave is lost."""
        ingest = self._ingests.get(track_index)
        if ingest is None:
            return
        try:
            if ingest.pair.rtcp in ingest.connected:
                ingest.pair.rtcp.send(packet)
            else:
                ingest.pair.rtcp.sendto(packet, ingest.rtcp_peer)
        except OSError as error:
            logger.debug(
                "receiver report not sent",
                extra={"session": self.id, "peer": self.peer, "cause": str(error)},
            )

    def _contained(self, write: PacketsConsumer) -> PacketsConsumer:
        """Take packets in; should that fail, it ends this session and nothing else."""

        def receive(packets: list[bytes]) -> None:
            try:
                write(packets)
            except Exception:
                logger.exception("ingest failed", extra={"session": self.id, "peer": self.peer})
                self.close("ingest failed")

        return receive


def _connect(pair: UdpPair, rtp_peer: Address, rtcp_peer: Address) -> None:
    try:
        pair.connect(rtp_peer, rtcp_peer)
    except OSError as error:
        raise ProtocolError(
            f"UDP does not reach {rtp_peer[0]} from this server ({error.strerror}); use TCP",
            status=Status.UNSUPPORTED_TRANSPORT,
            where="Transport",
        ) from error
    _forget_what_came(pair)


def _forget_what_came(pair: UdpPair) -> None:
    """Drop what strangers sent in the moment before the sockets were connected."""
    for sock in (pair.rtp, pair.rtcp):
        with suppress(OSError):
            while True:
                sock.recv(1)

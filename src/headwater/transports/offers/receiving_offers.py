"""A client's offers for tracks that it receives; what is agreed becomes an ingest."""

from __future__ import annotations

from headwater.net.event_loop import EventLoop
from headwater.net.port_pairs import PortPairPool
from headwater.net.settings import SocketSettings
from headwater.net.stream import ByteStream
from headwater.protocol.header.transport import LowerTransport, TransportSpec
from headwater.transports.datagram.multicast_ingest import MulticastIngest
from headwater.transports.datagram.udp_ingest import UdpIngest
from headwater.transports.ingest_publisher import IngestPublisher
from headwater.transports.interleaved.channels import (
    DROPPED,
    ChannelTable,
    exchange_pair,
    give_back,
    take_pair,
)
from headwater.transports.interleaved.ingest import InterleavedIngest
from headwater.transports.offers.answered_transport import answered_group
from headwater.transports.offers.client_offer import ClientOffer
from headwater.transports.quirks import answered_channels, udp_source
from headwater.transports.settings import TransportKind


class UdpReceivingOffer(ClientOffer[UdpIngest]):
    """Offers a port pair of the pool."""

    def __init__(
        self,
        publisher: IngestPublisher,
        loop: EventLoop,
        ports: PortPairPool,
        sockets: SocketSettings,
        *,
        changing_ports: bool = False,
    ) -> None:
        """Bind the pair.

        With `changing_ports` packets are taken from any port of the server's address, for cameras
        that send from others than they say.

        Raises PortsExhausted when the range, or the share of the server's address, is used up.
        """
        identity = publisher.identity
        self._publisher = publisher
        self._loop = loop
        self._sockets = sockets
        self._changing_ports = changing_ports
        self._pair = ports.bind_pair(identity.local_ip, holder=identity.address_block)
        client_port = (self._pair.rtp_port, self._pair.rtcp_port)
        super().__init__(TransportKind.UDP, TransportSpec(client_port=client_port))

    def _agree(self, spec: TransportSpec) -> UdpIngest:
        peer_ip = self._publisher.identity.peer_ip
        source = udp_source(peer_ip, spec, changing_ports=self._changing_ports)
        return UdpIngest(self._publisher, self._pair, self._loop, self._sockets, source)

    def _give_back(self) -> None:
        self._pair.close()


class InterleavedReceivingOffer(ClientOffer[InterleavedIngest]):
    """Offers a free channel pair of the connection."""

    def __init__(self, stream: ByteStream, channels: ChannelTable) -> None:
        """Take the pair.

        Raises ProtocolError 453 when none is free.
        """
        self._stream = stream
        self._channels = channels
        self._pair = take_pair(channels, None, DROPPED, DROPPED)
        spec = TransportSpec(lower=LowerTransport.TCP, interleaved=self._pair)
        super().__init__(TransportKind.TCP, spec)

    def _agree(self, spec: TransportSpec) -> InterleavedIngest:
        answered = answered_channels(spec, self._pair)
        exchange_pair(self._channels, self._pair, answered)
        return InterleavedIngest(self._stream, self._channels, answered)

    def _give_back(self) -> None:
        give_back(self._channels, self._pair)


class MulticastReceivingOffer(ClientOffer[MulticastIngest]):
    """Offers to join a group, which the server names, or the SDP did."""

    def __init__(
        self,
        publisher: IngestPublisher,
        loop: EventLoop,
        sockets: SocketSettings,
        *,
        announced: tuple[str, int] | None = None,
        interface: str | None = None,
    ) -> None:
        """Take nothing yet: the group is joined when it is agreed on.

        `announced` are the group and port of RTP that the SDP names (`c=`, `m=`). The group is
        joined on the interface that the server is reached by, unless `interface` names another.
        """
        self._publisher = publisher
        self._loop = loop
        self._sockets = sockets
        self._announced = announced
        local_ip = publisher.identity.local_ip
        zone = local_ip.partition("%")[2]
        self._interface = interface or (zone if ":" in local_ip else local_ip)
        super().__init__(TransportKind.MULTICAST, TransportSpec(unicast=False))

    def _agree(self, spec: TransportSpec) -> MulticastIngest:
        group = answered_group(
            spec,
            self._publisher.identity.peer_ip,
            announced=self._announced,
            interface=self._interface,
        )
        return MulticastIngest(self._publisher, self._loop, self._sockets, group)

    def _give_back(self) -> None:
        """Give back nothing: nothing was taken."""

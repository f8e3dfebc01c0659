"""Makes publishers, readers and a client's offers, with what they need below them."""

from __future__ import annotations

from headwater.media.mount import Mount
from headwater.media.tracks.track import Track
from headwater.net.event_loop import EventLoop
from headwater.net.port_pairs import PortPairPool
from headwater.net.settings import SocketSettings
from headwater.net.stream import ByteStream
from headwater.transports.datagram.multicast_egress import MulticastEgressTable
from headwater.transports.datagram.multicast_reader import MulticastReader
from headwater.transports.datagram.udp_egress import UdpEgressTable
from headwater.transports.datagram.udp_reader import UdpReader
from headwater.transports.ingest import Ingest
from headwater.transports.ingest_publisher import IngestPublisher
from headwater.transports.interleaved.channels import ChannelTable
from headwater.transports.interleaved.lane import InterleavedLaneTable
from headwater.transports.interleaved.reader import InterleavedReader
from headwater.transports.offers.client_offer import ClientOffer
from headwater.transports.offers.offer_answers import IngestAnswers, InterleavedAnswers, UdpAnswers
from headwater.transports.offers.receiving_offers import (
    InterleavedReceivingOffer,
    MulticastReceivingOffer,
    UdpReceivingOffer,
)
from headwater.transports.offers.sending_offers import InterleavedSendingOffer, UdpSendingOffer
from headwater.transports.queue_budget import QueueBudget
from headwater.transports.session_media import SessionIdentity
from headwater.transports.session_publisher import SessionPublisher
from headwater.transports.session_reader import SessionReader
from headwater.transports.settings import RtpSettings, TransportKind


class TransportFactory:
    """The factory of one process's publishers and readers, to both sides of RTSP.

    It owns the UDP ports, which a server's sessions and its clients take their pairs from.
    """

    def __init__(
        self,
        loop: EventLoop,
        settings: RtpSettings,
        sockets: SocketSettings,
        queue_budget: QueueBudget,
    ) -> None:
        self._loop = loop
        self._sockets = sockets
        self._nat_latching = settings.nat_latching
        self._queue_budget = queue_budget
        self.ports = PortPairPool(
            settings.rtp_port_start, settings.rtp_port_count, settings.pairs_per_address
        )
        self.egresses = UdpEgressTable(loop, self.ports, sockets)
        self.lanes = InterleavedLaneTable()
        self.groups = MulticastEgressTable(loop, sockets)

    def apply(self, settings: RtpSettings, sockets: SocketSettings) -> None:
        """Go by other settings for the publishers and readers that come next."""
        self._nat_latching = settings.nat_latching
        self.ports.move(
            settings.rtp_port_start, settings.rtp_port_count, settings.pairs_per_address
        )
        self._sockets = self.egresses.sockets = self.groups.sockets = sockets

    def publisher(
        self,
        kind: TransportKind,
        identity: SessionIdentity,
        stream: ByteStream,
        channels: ChannelTable,
    ) -> SessionPublisher:
        """Return a publisher over this kind of transport."""
        answers: IngestAnswers
        if kind is TransportKind.TCP:
            answers = InterleavedAnswers(stream, channels)
        else:
            answers = UdpAnswers(
                identity, self._loop, self.ports, self._sockets, nat_latching=self._nat_latching
            )
        return SessionPublisher(identity, kind, answers)

    def reader(
        self,
        kind: TransportKind,
        identity: SessionIdentity,
        stream: ByteStream,
        channels: ChannelTable,
        mount: Mount,
    ) -> SessionReader:
        """Return a reader of the mount over this kind of transport."""
        too_slow = mount.disconnect_slow_reader_soon
        if kind is TransportKind.TCP:
            return InterleavedReader(
                identity,
                self._loop,
                stream,
                channels,
                mount.settings,
                on_too_slow=too_slow,
                budget=self._queue_budget,
                lanes=self.lanes,
            )
        if kind is TransportKind.MULTICAST:
            return MulticastReader(identity, self.groups, mount.settings, on_too_slow=too_slow)
        return UdpReader(
            identity,
            self.egresses,
            mount.settings,
            on_too_slow=too_slow,
            path=mount.path,
            nat_latching=self._nat_latching,
        )

    def receiving_offer(
        self,
        kind: TransportKind,
        publisher: IngestPublisher,
        stream: ByteStream,
        channels: ChannelTable,
        *,
        announced: tuple[str, int] | None = None,
        changing_ports: bool = False,
    ) -> ClientOffer[Ingest]:
        """Return a client's offer for a track that it receives (see `client_offer`).

        `announced` are the multicast group and the port of RTP that the SDP names, if it does. With
        `changing_ports` UDP is taken from any port of the server's address.
        """
        match kind:
            case TransportKind.TCP:
                return InterleavedReceivingOffer(stream, channels)
            case TransportKind.MULTICAST:
                return MulticastReceivingOffer(
                    publisher, self._loop, self._sockets, announced=announced
                )
            case TransportKind.UDP:
                return UdpReceivingOffer(
                    publisher,
                    self._loop,
                    self.ports,
                    self._sockets,
                    changing_ports=changing_ports,
                )

    def sending_offer(self, reader: SessionReader, index: int, track: Track) -> ClientOffer[None]:
        """Return a client's offer for a track that it sends, by a reader of the same transport.

        Raises ValueError for a reader of a group: nobody records from one.
        """
        match reader:
            case InterleavedReader():
                return InterleavedSendingOffer(reader, index, track)
            case UdpReader():
                return UdpSendingOffer(reader, index, track)
            case _:
                raise ValueError("tracks are sent to a server over UDP or TCP only")

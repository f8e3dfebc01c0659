"""How a server answers an offered Transport (RFC 2326 §12.39): what it takes, and what it says.

`negotiation` chooses one of the offers. Here it becomes an ingest where media comes in. Where media
goes out the readers take what they need themselves; what is said to them is written here as well.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack

from headwater.net.event_loop import EventLoop
from headwater.net.port_pairs import PortPairPool
from headwater.net.settings import SocketSettings
from headwater.net.stream import ByteStream
from headwater.protocol.header.transport import LowerTransport, TransportSpec
from headwater.transports.datagram.udp_ingest import TakenPorts, UdpIngest, UdpSource
from headwater.transports.ingest import Ingest, IngestOwner
from headwater.transports.interleaved.channels import DROPPED, ChannelTable, give_back, take_pair
from headwater.transports.interleaved.ingest import InterleavedIngest
from headwater.transports.offers.negotiation import Offer
from headwater.transports.session_media import SessionIdentity


class IngestAnswers(ABC):
    """Makes the ingests of one publisher that sends to this server."""

    @abstractmethod
    def take(self, offer: Offer, owner: IngestOwner) -> tuple[Ingest, TransportSpec]:
        """Take what the offer needs; return what feeds the track, and the answer."""


class InterleavedAnswers(IngestAnswers):
    """Answers with channels of the publisher's own connection."""

    def __init__(self, stream: ByteStream, channels: ChannelTable) -> None:
        self._stream = stream
        self._channels = channels

    def take(self, offer: Offer, owner: IngestOwner) -> tuple[Ingest, TransportSpec]:  # noqa: ARG002 - the connection is its owner
        """Take a channel pair.

        Raises ProtocolError 453 when none is left.
        """
        with ExitStack() as taken:
            pair = take_pair(self._channels, offer.spec.interleaved, DROPPED, DROPPED)
            taken.callback(give_back, self._channels, pair)
            ingest = InterleavedIngest(self._stream, self._channels, pair)
            answer = interleaved_answer(offer, pair)
            taken.pop_all()
        return ingest, answer


class UdpAnswers(IngestAnswers):
    """Answers with a pair of ports that takes packets from the publisher's own address.

    With `nat_latching` from the port that the first of them comes from, else from the ports that
    the publisher named.
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
        self._identity = identity
        self._loop = loop
        self._ports = ports
        self._sockets = sockets
        self._taken = TakenPorts.FIRST_HEARD if nat_latching else TakenPorts.AGREED

    def take(self, offer: Offer, owner: IngestOwner) -> tuple[Ingest, TransportSpec]:
        """Bind a pair.

        Raises PortsExhausted when the range, or the share of the publisher's address, is used up,
        ProtocolError 461 when no datagram can go between this machine's address and the
        publisher's: over TCP it may.
        """
        client_port = client_ports(offer)
        source = UdpSource(hosts=(self._identity.peer_ip,), ports=client_port, taken=self._taken)
        with ExitStack() as taken:
            pair = self._ports.bind_pair(
                self._identity.local_ip, holder=self._identity.address_block
            )
            taken.callback(pair.close)
            ingest = UdpIngest(owner, pair, self._loop, self._sockets, source)
            answer = udp_answer(offer, (pair.rtp_port, pair.rtcp_port))
            taken.pop_all()
        return ingest, answer


def client_ports(offer: Offer) -> tuple[int, int]:
    """Return the ports of an offer of UDP."""
    ports = offer.spec.client_port
    assert ports is not None, "negotiation lets no UDP offer through without ports"  # noqa: S101
    return ports


def udp_answer(
    offer: Offer, server_port: tuple[int, int], ssrc: int | None = None
) -> TransportSpec:
    """Return what is said of a pair of ports; `ssrc` names the source of what is sent."""
    return TransportSpec(
        profile=offer.spec.profile,
        lower=LowerTransport.UDP,
        unicast=True,
        client_port=offer.spec.client_port,
        server_port=server_port,
        ssrc=ssrc,
        mode=offer.spec.mode,
    )


def interleaved_answer(
    offer: Offer, pair: tuple[int, int], ssrc: int | None = None
) -> TransportSpec:
    """Return what is said of a channel pair; `ssrc` names the source of what is sent."""
    return TransportSpec(
        profile=offer.spec.profile,
        lower=LowerTransport.TCP,
        unicast=True,
        interleaved=pair,
        ssrc=ssrc,
        mode=offer.spec.mode,
    )

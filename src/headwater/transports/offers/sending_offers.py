"""A client's offers for tracks that it sends; what is agreed tells a reader where they go."""

from __future__ import annotations

from headwater.media.tracks.track import Track
from headwater.protocol.header.transport import LowerTransport, TransportSpec
from headwater.transports.datagram.udp_reader import UdpReader
from headwater.transports.interleaved.reader import InterleavedReader
from headwater.transports.offers.answered_transport import AnswerUnusable
from headwater.transports.offers.client_offer import ClientOffer
from headwater.transports.offers.negotiation import FIRST_USER_PORT
from headwater.transports.quirks import RECORD_MODE, answered_channels
from headwater.transports.settings import TransportKind


class UdpSendingOffer(ClientOffer[None]):
    """Offers the ports of the track's egress, which other readers of the track may share."""

    def __init__(self, reader: UdpReader, index: int, track: Track) -> None:
        """Reserve the way.

        Raises PortsExhausted when the track needs a pair and none is free.
        """
        self._reader = reader
        self._index = index
        client_port = reader.reserve(index, track)
        spec = TransportSpec(client_port=client_port, extra=(RECORD_MODE,))
        super().__init__(TransportKind.UDP, spec)

    def _agree(self, spec: TransportSpec) -> None:
        ports = spec.server_port
        if ports is None:
            raise AnswerUnusable("the answer names no server_port to send to; use TCP")
        if min(ports) < FIRST_USER_PORT:
            raise AnswerUnusable(
                f"the answer has media sent to a port below {FIRST_USER_PORT}; use TCP"
            )
        self._reader.agree(self._index, ports)

    def _give_back(self) -> None:
        self._reader.remove_track(self._index)


class InterleavedSendingOffer(ClientOffer[None]):
    """Offers a free channel pair of the connection."""

    def __init__(self, reader: InterleavedReader, index: int, track: Track) -> None:
        """Take the pair.

        Raises ProtocolError 453 when none is free.
        """
        self._reader = reader
        self._index = index
        self._asked = reader.reserve(index, track)
        spec = TransportSpec(
            lower=LowerTransport.TCP, interleaved=self._asked, extra=(RECORD_MODE,)
        )
        super().__init__(TransportKind.TCP, spec)

    def _agree(self, spec: TransportSpec) -> None:
        self._reader.agree(self._index, answered_channels(spec, self._asked))

    def _give_back(self) -> None:
        self._reader.remove_track(self._index)

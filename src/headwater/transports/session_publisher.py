"""A publisher that sends its packets to this server, over a transport that it offered."""

from __future__ import annotations

from headwater.protocol.header.transport import TransportSpec
from headwater.transports.ingest_publisher import IngestPublisher
from headwater.transports.offers.negotiation import Offer
from headwater.transports.offers.offer_answers import IngestAnswers
from headwater.transports.session_media import SessionIdentity


class SessionPublisher(IngestPublisher):
    """A publisher that an RTSP session feeds: its ingests come from the offers of its SETUPs."""

    def __init__(self, identity: SessionIdentity, transport: str, answers: IngestAnswers) -> None:
        super().__init__(identity, transport)
        self._answers = answers

    def add_track(self, index: int, offer: Offer) -> TransportSpec:
        """Take what the offered transport needs and return the Transport of the answer.

        A track that is set up already gets the new transport instead.

        Raises PortsExhausted when the range of ports, or the share of the publisher's address, is
        used up; ProtocolError 461 when UDP does not reach it, 453 when no channel is left.
        """
        self.take_away(index)
        ingest, answer = self._answers.take(offer, self)
        try:
            self.put(index, ingest)
        except BaseException:
            ingest.close()
            raise
        return answer

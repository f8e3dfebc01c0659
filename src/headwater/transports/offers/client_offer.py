"""How a client of another server agrees with it on the way of one track (RFC 2326 §12.39).

For each SETUP the client makes an offer, which takes what the way needs on this side (a port pair,
channels, a share of an egress), sends the offer's `header` as the Transport of its request, and
gives the offer what the answer says:

    offer = transports.receiving_offer(kind, publisher, stream, channels)
    try:
        response = await setup(url, transport=offer.header)
        ingest = offer.accept(response.headers.get("Transport"))
    except BaseException:
        offer.withdraw()
        raise
    publisher.put(index, ingest)

What was agreed is served by the same code that serves a server's sessions:

- A client that receives (PLAY) makes one of the `receiving_offers`. Accepting it gives an ingest,
  which an `IngestPublisher` feeds into a mount's track. Start that before PLAY, since RTCP of some
  cameras overtakes the answer, and have it open NATs on this side.
- A client that sends (ANNOUNCE, RECORD) makes one of the `sending_offers` for a track of a reader
  that `transports.reader` made. Accepting it tells the reader where the track goes; the mount has
  it join once RECORD is answered.

One offer at a time: the next is made when the last is accepted or withdrawn, since a server may
choose the channels that the next one would have asked for.

Who is at the other end is a `SessionIdentity` in both cases: `peer_ip` the server's address,
`local_ip` the one of this machine that the connection to it has, `on_close` what ends the client,
`on_life` what a sign of life is told to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from headwater.protocol.header.transport import TransportSpec
from headwater.transports.offers.answered_transport import read_answer
from headwater.transports.settings import TransportKind

AgreedT = TypeVar("AgreedT", covariant=True)


class ClientOffer(ABC, Generic[AgreedT]):
    """One track's transport as a client offers it.

    Life: one `accept`, or one `withdraw`. An `accept` that raises has given everything back, and a
    `withdraw` after either does nothing.

    Attributes:
        kind: the way that is asked for.
        spec: what is asked for.
        ssrc: the source that the answer names, once there is one; a hint, since it may be wrong.
    """

    def __init__(self, kind: TransportKind, spec: TransportSpec) -> None:
        self.kind = kind
        self.spec = spec
        self.ssrc: int | None = None
        self._is_open = True

    @property
    def header(self) -> str:
        """The offer as text of a Transport header."""
        return self.spec.to_header()

    def accept(self, answer: str | None) -> AgreedT:
        """Take the Transport of the answer, None where it has none, and return what was agreed.

        Raises ProtocolError where the client cannot go on with the answer: AnswerUnusable when the
        server chose another kind, or said too little; another one when it gave a channel or ports
        that are used already. OSError where a group cannot be joined.
        """
        if not self._is_open:
            raise ValueError("the offer was accepted or withdrawn before")
        try:
            spec = read_answer(answer, self.kind)
            agreed = self._agree(spec)
        except BaseException:
            self.withdraw()
            raise
        self._is_open = False
        self.ssrc = spec.ssrc
        return agreed

    def withdraw(self) -> None:
        """Give back what the offer took; nothing where it was accepted or withdrawn before."""
        if self._is_open:
            self._is_open = False
            self._give_back()

    @abstractmethod
    def _agree(self, spec: TransportSpec) -> AgreedT:
        """Make of an answer of the right kind what was agreed."""

    @abstractmethod
    def _give_back(self) -> None:
        """Give back what the offer took."""

"""Whose a datagram is that comes to the ports which readers of a track share.

Readers are told apart by the address and ports that they asked for. Behind a NAT their packets
come from other ports: what a player sends to open the NAT then tells where it can be reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol, TypeVar

from headwater.net.socket_address import Address
from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtcp import ReceiverReport, SenderReport, parse_rtcp
from headwater.transports.offers.negotiation import FIRST_USER_PORT

T = TypeVar("T")
_NOT_HEARD: Final = (0, 0)
Place = tuple[str, int]
"""An address of a peer, zone and all, and a port of it."""


def places_of(peer_ip: str, rtp: Address, rtcp: Address) -> tuple[Place, Place]:
    """Return what tables know two addresses of a peer by: themselves where they have no more."""
    if len(rtp) == len(rtcp) == 2:
        return rtp, rtcp
    return (peer_ip, rtp[1]), (peer_ip, rtcp[1])


class PortUse(IntEnum):
    """Which port of a pair."""

    RTP = 0
    RTCP = 1


class Claimant(Protocol):
    """A reader, as its claims see it."""

    def take_rtcp(self, claim: UdpClaim, packet: bytes) -> None:
        """Take RTCP that comes from the reader."""

    def ssrc_of(self, claim: UdpClaim) -> int | None:
        """Return the source that the reader is sent on this track."""

    def packets_come_from(self, claim: UdpClaim, use: PortUse, address: Address) -> bool:
        """Learn from where the reader's packets really come; tell whether media goes there now."""


@dataclass(eq=False, slots=True, kw_only=True)
class UdpClaim:
    """The ports that a reader asked for on one track.

    Attributes:
        places: its address with the port for RTP, and with that for RTCP, as in `client_port`;
            the very objects by which tables know it, of which each takes 56 bytes a reader.
        heard_from: the other ports that its packets come from, 0 while there is none.
        latched: whether media goes to these instead, for RTP and for RTCP.
        heard: whether a packet came from the ports that were asked for: no NAT changed them.
        acknowledged: whether a report came from its own RTCP port about the media it got.
    """

    claimant: Claimant
    track_index: int
    places: tuple[Place, Place]
    heard_from: tuple[int, int] = _NOT_HEARD
    latched: tuple[bool, bool] = (False, False)
    heard: tuple[bool, bool] = (False, False)
    acknowledged: bool = False

    @property
    def peer_ip(self) -> str:
        """The address that both ports are of."""
        return self.places[PortUse.RTP][0]

    @property
    def ports(self) -> tuple[int, int]:
        """For RTP and for RTCP."""
        (_, rtp), (_, rtcp) = self.places
        return rtp, rtcp


class UdpClaims:
    """The claims of all readers of one egress."""

    __slots__ = ("_by_port", "_unacknowledged")

    def __init__(self) -> None:
        self._by_port: dict[Place, UdpClaim] = {}
        # By address, in the order of their SETUP: those that other ports may be of.
        self._unacknowledged: dict[str, dict[UdpClaim, None]] = {}

    def add(self, claim: UdpClaim) -> None:
        """Note a claim; its ports must be no other's."""
        for place in claim.places:
            self._by_port[place] = claim
        self._unacknowledged.setdefault(claim.places[0][0], {})[claim] = None

    def remove(self, claim: UdpClaim) -> None:
        """Forget a claim."""
        places: tuple[Place, ...] = claim.places
        if claim.heard_from != _NOT_HEARD:
            places += tuple((claim.peer_ip, port) for port in claim.heard_from)
        for place in places:
            if self._by_port.get(place) is claim:
                del self._by_port[place]
        self._leave_unacknowledged(claim)

    def clear(self) -> None:
        """Forget all."""
        self._by_port.clear()
        self._unacknowledged.clear()

    def take_rtp(self, address: Address) -> None:
        """Look at where a datagram to the RTP port came from; players open their NAT with one."""
        claim = self._by_port.get((address[0], address[1]))
        if claim is None:
            self._heard_elsewhere(PortUse.RTP, address)
        elif address[1] in claim.ports:
            claim.heard = (True, claim.heard[PortUse.RTCP])

    def take_rtcp(self, packet: bytes, address: Address) -> bool:
        """Give RTCP to the reader it comes from; False where nobody can be told."""
        claim = self._by_port.get((address[0], address[1]))
        if claim is None:
            claim = self._heard_elsewhere(PortUse.RTCP, address)
        if claim is None:
            return False
        is_own = address[1] in claim.ports
        if is_own:
            claim.heard = (claim.heard[PortUse.RTP], True)
        if is_own or claim.latched[PortUse.RTCP]:
            claim.claimant.take_rtcp(claim, packet)
            if is_own and not claim.acknowledged and _sources_reported(packet):
                claim.acknowledged = True
                self._leave_unacknowledged(claim)
            return True
        # From another port only what tells that it is of this media: its report names the source.
        if claim.claimant.ssrc_of(claim) not in _sources_reported(packet):
            return False
        claim.claimant.take_rtcp(claim, packet)
        return True

    def _heard_elsewhere(self, use: PortUse, address: Address) -> UdpClaim | None:
        """Return the claim of an unknown port of an address: the first that waits for a port."""
        if address[1] < FIRST_USER_PORT:
            # Nothing is sent there at all, so a forged packet must not bring it about.
            return None
        for claim in self._unacknowledged.get(address[0], ()):
            # The first packet wins, whether its port was asked for or not.
            if not claim.heard_from[use] and not claim.heard[use]:
                claim.heard_from = _with(claim.heard_from, use, address[1])
                self._by_port[address[0], address[1]] = claim
                is_latched = claim.claimant.packets_come_from(claim, use, address)
                claim.latched = _with(claim.latched, use, is_latched)
                return claim
        return None

    def _leave_unacknowledged(self, claim: UdpClaim) -> None:
        peer_ip = claim.places[0][0]
        waiting = self._unacknowledged.get(peer_ip)
        if waiting is not None:
            waiting.pop(claim, None)
            if not waiting:
                del self._unacknowledged[peer_ip]


def _with(pair: tuple[T, T], use: PortUse, value: T) -> tuple[T, T]:
    return (value, pair[1]) if use is PortUse.RTP else (pair[0], value)


def _sources_reported(packet: bytes) -> set[int]:
    """Return the sources that reports of a compound are about; none where it cannot be read."""
    try:
        parts = parse_rtcp(packet)
    except ProtocolError:
        return set()
    return {
        block.ssrc
        for part in parts
        if isinstance(part, ReceiverReport | SenderReport)
        for block in part.blocks
    }

"""A reader whose packets leave over UDP, through the egress pair of each track.

A server serves a peer by it, which asked for the ports (`add_track`). A client sends by it to a
server: it reserves the way, offers the ports that packets come from, and agrees to those that the
server told (`sending_offers`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from headwater.log_pace import paced_logger
from headwater.media.readers.reader import Reader
from headwater.media.settings import MountSettings
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.net.socket_address import Address, socket_address
from headwater.net.udp_sender import Destination
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.transport import TransportSpec
from headwater.protocol.rtcp_build import bye
from headwater.protocol.status import Status
from headwater.transports.datagram.datagram_reader import DatagramReader, Leg
from headwater.transports.datagram.udp_claims import Place, PortUse, UdpClaim, places_of
from headwater.transports.datagram.udp_company import UdpCompany
from headwater.transports.datagram.udp_egress import UdpEgress, UdpEgressTable
from headwater.transports.datagram.udp_outlet import runs_of
from headwater.transports.offers.negotiation import Offer
from headwater.transports.offers.offer_answers import client_ports, udp_answer
from headwater.transports.reader_reports import ReaderReports
from headwater.transports.session_media import SessionIdentity
from headwater.transports.settings import TransportKind

logger = paced_logger(__name__)

# One for all readers: nearly always they have set up all that they reserved.
_NONE_RESERVED: Final[Mapping[int, tuple[Track, UdpEgress]]] = MappingProxyType({})


@dataclass(eq=False, slots=True, kw_only=True)
class _Leg(Leg[UdpEgress]):
    """One track of the reader: where it leaves and where it goes."""

    claim: UdpClaim
    destination: Destination
    rtcp_address: Address

    def return_to_destination(self) -> None:
        """Have a new destination to the same address where the old one was left (PAUSE)."""
        if not self.destination.active:
            self.destination = self.egress.destination(self.destination.address)

    @property
    def dropped(self) -> tuple[int, int]:
        """Packets and bytes left out while it was live, and those the socket refused."""
        packets, size_bytes = self.left_out
        destination = self.destination
        return packets + destination.dropped_packets, size_bytes + destination.dropped_bytes


class UdpReader(DatagramReader[_Leg]):
    """Receives each track on a port pair of its own machine."""

    needs_pacing = True

    def __init__(
        self,
        identity: SessionIdentity,
        egresses: UdpEgressTable,
        settings: MountSettings,
        on_too_slow: Callable[[Reader], None],
        *,
        path: str,
        nat_latching: bool = False,
    ) -> None:
        super().__init__(identity, TransportKind.UDP, settings, on_too_slow)
        self._egresses = egresses
        self._path = path
        self._nat_latching = nat_latching
        self._former_undeliverable = 0
        # Tracks whose egress is taken and whose destination the peer has still to tell.
        self._reserved: Mapping[int, tuple[Track, UdpEgress]] = _NONE_RESERVED

    @property
    def queued_bytes(self) -> int:
        """Its share of the bytes that wait for the sockets it is served from."""
        return sum(
            leg.egress.sender.pending_bytes // max(1, leg.egress.live_count)
            for leg in self._legs.values()
        )

    @property
    def oldest_queued_s(self) -> float:
        """The age of what waits longest for one of these sockets, in seconds."""
        return max((leg.egress.oldest_pending_s for leg in self._legs.values()), default=0.0)

    @property
    def has_room(self) -> bool:
        """Whether its sockets keep up, so that cached packets may be sent as well."""
        return all(leg.egress.has_room for leg in self._legs.values())

    @property
    def undeliverable_packets(self) -> int:
        """Packets that the socket refused, as those larger than UDP carries."""
        return self._former_undeliverable + sum(
            leg.destination.dropped_packets for leg in self._legs.values()
        )

    @property
    def hint(self) -> str:
        """What to do where its packets come from ports that it did not ask for."""
        for leg in self._legs.values():
            claim = leg.claim
            if any(claim.heard_from) and not any(claim.latched) and not claim.acknowledged:
                return _hint(claim)
        return ""

    def add_track(self, index: int, track: Track, offer: Offer) -> TransportSpec:
        """Reserve the way to the ports that the peer asked for, and say in the answer from where.

        Raises PortsExhausted when the track needs a pair and none is free, ProtocolError 461 when
        another session of the same address has these ports: over TCP both can be served.
        """
        ports = self.reserve(index, track)
        try:
            self.agree(index, client_ports(offer))
        except BaseException:
            self.remove_track(index)
            raise
        return udp_answer(offer, ports, track.ssrc)

    def reserve(self, index: int, track: Track) -> tuple[int, int]:
        """Take a share of the track's egress; return the ports that its packets come from.

        Raises PortsExhausted when the track needs a pair and none is free.
        """
        if index in self._reserved or index in self._legs:
            self.remove_track(index)
        egress = self._egresses.acquire(
            track, self.identity.local_ip, self._settings, holder=self.identity.address_block
        )
        self._reserved = {**self._reserved, index: (track, egress)}
        return egress.pair.rtp_port, egress.pair.rtcp_port

    def agree(self, index: int, peer_ports: tuple[int, int]) -> None:
        """Have a track that is reserved sent to these ports of the peer, from `join` on.

        Raises ProtocolError 461, and changes nothing, when another session of the same address has
        these ports.
        """
        track, egress = self._reserved[index]
        self._legs[index] = self._leg(index, track, egress, peer_ports)
        self._forget_reserved(index)

    def _leg(
        self, index: int, track: Track, egress: UdpEgress, peer_ports: tuple[int, int]
    ) -> _Leg:
        peer_ip = self.identity.peer_ip
        rtp_address = socket_address(peer_ip, peer_ports[0])
        rtcp_address = socket_address(peer_ip, peer_ports[1])
        places = places_of(peer_ip, rtp_address, rtcp_address)
        self._refuse_ports_of_another(places)
        claim = UdpClaim(claimant=self, track_index=index, places=places)
        leg = _Leg(
            track=track,
            egress=egress,
            claim=claim,
            destination=egress.destination(rtp_address),
            rtcp_address=rtcp_address,
            reports=ReaderReports(),
        )
        egress.claims.add(claim)
        self._egresses.hold(places, self)
        return leg

    def _refuse_ports_of_another(self, places: tuple[Place, Place]) -> None:
        holder = self._egresses.holder(places)
        if holder is not None and holder is not self and holder.identity.is_orphaned():
            # Its connection is gone, and its ports have found another owner: nobody is there.
            holder.identity.on_close("its ports are used by another session")
            holder = self._egresses.holder(places)
        if holder is not None and holder is not self:
            (peer_ip, rtp), (_, rtcp) = places
            raise ProtocolError(
                f"another session of {peer_ip} receives on ports {rtp}-{rtcp}: "
                "choose others, or TCP",
                status=Status.UNSUPPORTED_TRANSPORT,
                where="Transport",
            )

    def remove_track(self, index: int) -> None:
        """Stop one track and let go of its egress."""
        reserved = self._reserved.get(index)
        if reserved is not None:
            self._forget_reserved(index)
            self._egresses.release(reserved[0], self.identity.local_ip)
        leg = self._legs.pop(index, None)
        if leg is not None:
            self._leave_destination(index, leg)
            leg.egress.claims.remove(leg.claim)
            freed = set(leg.claim.places)
            for other in self._legs.values():
                freed.difference_update(other.claim.places)
            self._egresses.let_go(freed, self)
            self._egresses.release(leg.track, self.identity.local_ip)

    def release(self) -> None:
        """Give back every port, of tracks that are only reserved as well."""
        for index in (*self._reserved, *self._legs):
            self.remove_track(index)

    def join(self, track_index: int, track: Track) -> None:  # noqa: ARG002 - the leg knows it
        """Begin live delivery."""
        leg = self._legs[track_index]
        leg.return_to_destination()
        leg.egress.go_live(leg.destination, leg.rtcp_address, self)
        self._note_live(track_index, leg)

    def leave(self, track_index: int, track: Track) -> None:  # noqa: ARG002 - the leg knows it
        """End live delivery."""
        leg = self._legs.get(track_index)
        if leg is not None:
            self._leave_destination(track_index, leg)

    def send_batch(self, track_index: int, batch: PacketBatch) -> None:
        """Send a cached batch to this reader alone."""
        leg = self._legs.get(track_index)
        if leg is not None:
            self.offered.add(batch)
            leg.return_to_destination()
            leg.egress.sender.send_to(leg.destination, runs_of(batch))

    def way(self, track_index: int) -> UdpEgress | None:
        """The egress that sends the track to it and others."""
        leg = self._legs.get(track_index)
        return None if leg is None else leg.egress

    def together(
        self, readers: Sequence[Reader], track_index: int
    ) -> Callable[[PacketBatch], None]:
        """What sends a cached batch to readers of the same egress at once."""
        members = [reader for reader in readers if isinstance(reader, UdpReader)]
        legs = [reader._legs[track_index] for reader in members]  # noqa: SLF001 - of its own kind
        for leg in legs:
            leg.return_to_destination()
        tallies = [reader.offered for reader in members]
        return UdpCompany(self._legs[track_index].egress.sender, legs, tallies).send_batch

    def send_rtcp(self, track_index: int, batch: PacketBatch) -> None:
        """Send compound RTCP packets of the publisher to this reader alone."""
        leg = self._legs.get(track_index)
        if leg is not None:
            for packet in batch.packets:
                leg.egress.send_rtcp_to(leg.rtcp_address, packet)

    def say_bye(self, reason: str) -> None:
        """Send RTCP BYE on every track."""
        for leg in self._legs.values():
            if leg.track.ssrc is not None:
                leg.egress.send_rtcp_to(leg.rtcp_address, bye([leg.track.ssrc], reason))

    def take_rtcp(self, claim: UdpClaim, packet: bytes) -> None:
        """Take RTCP that comes from the reader."""
        self._receive_rtcp(self._legs[claim.track_index], packet)

    def ssrc_of(self, claim: UdpClaim) -> int | None:
        """Return the source that the reader is sent on this track."""
        return self._legs[claim.track_index].track.ssrc

    def packets_come_from(self, claim: UdpClaim, use: PortUse, address: Address) -> bool:
        """Send this track's media where the reader's packets come from, if that is allowed.

        Otherwise say once what would help.
        """
        extra: dict[str, object] = {"mount": self._path, "session": self.id, "peer": self.peer}
        if not self._nat_latching:
            told = sum(any(leg.claim.heard_from) for leg in self._legs.values()) > 1
            if not told and not all(claim.heard_from):
                extra["cause"] = _hint(claim)
                logger.warning("reader's packets come from another port", extra=extra)
            return False
        leg = self._legs[claim.track_index]
        old = leg.destination
        goal, leg.rtcp_address = (
            (address, leg.rtcp_address) if use is PortUse.RTP else (old.address, address)
        )
        leg.destination = leg.egress.redirect(old, goal, leg.rtcp_address)
        if leg.destination is not old:
            self._former_undeliverable += old.dropped_packets
        logger.info("reader's port latched", extra=extra | {"port": address[1]})
        return True

    def _forget_reserved(self, index: int) -> None:
        if len(self._reserved) == 1:
            self._reserved = _NONE_RESERVED
        else:
            self._reserved = {at: self._reserved[at] for at in self._reserved if at != index}

    def _leave_destination(self, index: int, leg: _Leg) -> None:
        destination = leg.destination
        if leg.left_out_before is None and not destination.active:
            return
        leg.egress.stop_live(destination)
        self._note_left(index, leg)
        self._former_undeliverable += destination.dropped_packets
        # They are kept now, while the leg may still be asked.
        destination.dropped_packets = destination.dropped_bytes = 0


def _hint(claim: UdpClaim) -> str:
    asked = f"{claim.ports[0]}-{claim.ports[1]}"
    heard = " and ".join(str(port) for port in claim.heard_from if port)
    return (
        f"asked for media at ports {asked}, but sends from {heard}: a NAT changes its ports, so it "
        "probably gets nothing; set rtp.nat_latching, or let it use TCP"
    )

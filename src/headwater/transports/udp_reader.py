"""A reader whose packets leave over UDP, through the egress pair of each track."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headwater.media.packet_batch import PacketBatch
from headwater.media.reader import Reader
from headwater.media.settings import MountSettings
from headwater.media.track import Track
from headwater.net.socket_address import Address, socket_address
from headwater.net.udp_sender import Destination
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.transport import LowerTransport, TransportSpec
from headwater.protocol.rtcp_build import bye
from headwater.protocol.status import Status
from headwater.transports.datagram_reader import DatagramReader, Leg
from headwater.transports.negotiation import Offer
from headwater.transports.reader_reports import ReaderReports
from headwater.transports.session_end import SessionIdentity
from headwater.transports.settings import TransportKind
from headwater.transports.udp_egress import UdpEgress, UdpEgressTable
from headwater.transports.udp_outlet import runs_of


@dataclass(eq=False, slots=True, kw_only=True)
class _Leg(Leg[UdpEgress]):
    """One track of the reader: where it leaves and where it goes."""

    destination: Destination
    rtcp_address: Address

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
    ) -> None:
        super().__init__(identity, TransportKind.UDP, settings, on_too_slow)
        self._egresses = egresses
        self._former_undeliverable = 0

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

    def add_track(self, index: int, track: Track, offer: Offer) -> TransportSpec:
        """Reserve the way to the reader's ports.

        Raises PortsExhausted when the track needs a pair and none is free, ProtocolError 461 when
        another session of the same address has these ports: over TCP both can be served.
        """
        client_port = offer.spec.client_port
        assert client_port is not None, "negotiation lets no UDP offer through without ports"  # noqa: S101
        self.remove_track(index)
        egress = self._egresses.acquire(
            track, self.identity.local_ip, self._settings, holder=self.identity.address_block
        )
        try:
            self._legs[index] = self._leg(track, egress, client_port)
        except BaseException:
            self._egresses.release(track, self.identity.local_ip)
            raise
        return TransportSpec(
            profile=offer.spec.profile,
            lower=LowerTransport.UDP,
            unicast=True,
            client_port=client_port,
            server_port=(egress.pair.rtp_port, egress.pair.rtcp_port),
            ssrc=track.ssrc,
            mode=offer.spec.mode,
        )

    def _leg(self, track: Track, egress: UdpEgress, client_port: tuple[int, int]) -> _Leg:
        peer_ip = self.identity.peer_ip
        self._refuse_ports_of_another(egress, client_port)
        leg = _Leg(
            track=track,
            egress=egress,
            destination=egress.destination(socket_address(peer_ip, client_port[0])),
            rtcp_address=socket_address(peer_ip, client_port[1]),
            reports=ReaderReports(),
        )
        egress.listen(peer_ip, client_port, self, lambda packet: self._receive_rtcp(leg, packet))
        return leg

    def _refuse_ports_of_another(self, egress: UdpEgress, client_port: tuple[int, int]) -> None:
        peer_ip = self.identity.peer_ip
        holder = egress.holder(peer_ip, client_port)
        if holder is not None and holder.identity.is_orphaned():
            # Its connection is gone, and its ports have found another owner: nobody is there.
            holder.identity.on_close("its ports are used by another session")
            holder = None
        if holder is not None:
            raise ProtocolError(
                f"another session of {peer_ip} receives this track on ports "
                f"{client_port[0]}-{client_port[1]}",
                status=Status.UNSUPPORTED_TRANSPORT,
                where="Transport",
            )

    def remove_track(self, index: int) -> None:
        """Stop one track and let go of its egress."""
        leg = self._legs.pop(index, None)
        if leg is not None:
            self._leave_destination(index, leg)
            leg.egress.forget(
                self.identity.peer_ip, (leg.destination.address[1], leg.rtcp_address[1])
            )
            self._egresses.release(leg.track, self.identity.local_ip)

    def join(self, track_index: int, track: Track) -> None:  # noqa: ARG002 - the leg knows it
        """Begin live delivery."""
        leg = self._legs[track_index]
        leg.egress.go_live(leg.destination, leg.rtcp_address, self)
        self._note_live(track_index, leg)

    def leave(self, track_index: int, track: Track) -> None:  # noqa: ARG002 - the leg knows it
        """End live delivery."""
        leg = self._legs.get(track_index)
        if leg is not None:
            self._leave_destination(track_index, leg)
            leg.destination = leg.egress.destination(leg.destination.address)

    def send_batch(self, track_index: int, batch: PacketBatch) -> None:
        """Send a cached batch to this reader alone."""
        leg = self._legs.get(track_index)
        if leg is not None:
            self.offered.add(batch)
            leg.egress.sender.send_to(leg.destination, runs_of(batch))

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

    def _leave_destination(self, index: int, leg: _Leg) -> None:
        leg.egress.stop_live(leg.destination)
        self._note_left(index, leg)
        self._former_undeliverable += leg.destination.dropped_packets

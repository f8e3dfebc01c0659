"""A reader that listens to the multicast group of its mount."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from headwater.media.readers.reader import Reader
from headwater.media.settings import MountSettings
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.protocol.header.transport import LowerTransport, TransportSpec
from headwater.transports.datagram.datagram_reader import DatagramReader, Leg
from headwater.transports.datagram.multicast_egress import MulticastEgress, MulticastEgressTable
from headwater.transports.offers.negotiation import Offer
from headwater.transports.reader_reports import ReaderReports
from headwater.transports.session_media import SessionIdentity
from headwater.transports.settings import TransportKind


class MulticastReader(DatagramReader[Leg[MulticastEgress]]):
    """Counts as a listener of its tracks' groups; what it gets, all of them get."""

    shares_its_packets = True

    def __init__(
        self,
        identity: SessionIdentity,
        egresses: MulticastEgressTable,
        settings: MountSettings,
        on_too_slow: Callable[[Reader], None],
    ) -> None:
        super().__init__(identity, TransportKind.MULTICAST, settings, on_too_slow)
        self._egresses = egresses

    def add_track(self, index: int, track: Track, offer: Offer) -> TransportSpec:
        """Open the track's group, or share it with those who listen already."""
        self.remove_track(index)
        with ExitStack() as taken:
            egress = self._egresses.acquire(track, self._settings)
            taken.callback(self._egresses.release, track)
            leg = Leg(track=track, egress=egress, reports=ReaderReports())
            taken.callback(egress.forget, self.id)
            egress.listen(
                self.id, self.identity.peer_ip, lambda packet: self._receive_rtcp(leg, packet)
            )
            self._legs[index] = leg
            taken.pop_all()
        return TransportSpec(
            profile=offer.spec.profile,
            lower=LowerTransport.UDP,
            unicast=False,
            destination=egress.group,
            source=egress.source,
            port=egress.ports,
            ttl=egress.ttl,
            ssrc=track.ssrc,
            mode=offer.spec.mode,
        )

    def remove_track(self, index: int) -> None:
        """Stop listening to one track's group."""
        leg = self._legs.pop(index, None)
        if leg is not None:
            self._stop(index, leg)
            leg.egress.forget(self.id)
            self._egresses.release(leg.track)

    def join(self, track_index: int, track: Track) -> None:  # noqa: ARG002 - the leg knows it
        """Count as a listener."""
        leg = self._legs[track_index]
        leg.egress.go_live(self.id, self)
        self._note_live(track_index, leg)

    def leave(self, track_index: int, track: Track) -> None:  # noqa: ARG002 - the leg knows it
        """Listen no more."""
        leg = self._legs.get(track_index)
        if leg is not None:
            self._stop(track_index, leg)

    def send_batch(self, track_index: int, batch: PacketBatch) -> None:
        """Do nothing: a group has no packets for one listener alone."""

    def send_rtcp(self, track_index: int, batch: PacketBatch) -> None:
        """Send it to the whole group: a sender report heard again tells the others nothing new."""
        leg = self._legs.get(track_index)
        if leg is not None:
            leg.egress.send_rtcp(batch)

    def say_bye(self, reason: str) -> None:
        """Do nothing: a BYE would end all listeners' streams, not this one's."""

    def _stop(self, index: int, leg: Leg[MulticastEgress]) -> None:
        leg.egress.stop_live(self.id)
        self._note_left(index, leg)

"""A reader that listens to the multicast group of its mount."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.media.packet_batch import PacketBatch
from headwater.media.settings import MountSettings
from headwater.media.track import Track
from headwater.protocol.header.transport import LowerTransport, TransportSpec
from headwater.transports.multicast_egress import MulticastEgress, MulticastEgressTable
from headwater.transports.negotiation import Offer
from headwater.transports.session_end import SessionIdentity
from headwater.transports.session_reader import SessionReader
from headwater.transports.settings import TransportKind


class MulticastReader(SessionReader):
    """Counts as a listener of its tracks' groups; what it gets, all of them get."""

    shares_its_packets = True

    def __init__(
        self, identity: SessionIdentity, egresses: MulticastEgressTable, settings: MountSettings
    ) -> None:
        super().__init__(identity, TransportKind.MULTICAST)
        self._egresses = egresses
        self._settings = settings
        self._legs: dict[int, tuple[Track, MulticastEgress]] = {}

    @property
    def track_indexes(self) -> Sequence[int]:
        """The tracks that are set up."""
        return sorted(self._legs)

    def add_track(self, index: int, track: Track, offer: Offer) -> TransportSpec:
        """Open the track's group, or share it with those who listen already."""
        self.remove_track(index)
        egress = self._egresses.acquire(track, self._settings)
        self._legs[index] = (track, egress)
        return TransportSpec(
            profile=offer.spec.profile,
            lower=LowerTransport.UDP,
            unicast=False,
            destination=egress.group,
            port=egress.ports,
            ttl=egress.ttl,
            ssrc=track.ssrc,
            mode=offer.spec.mode,
        )

    def remove_track(self, index: int) -> None:
        """Stop listening to one track's group."""
        leg = self._legs.pop(index, None)
        if leg is not None:
            track, egress = leg
            egress.stop_live(self.id)
            self._egresses.release(track)

    def release(self) -> None:
        """Let go of every group."""
        for index in tuple(self._legs):
            self.remove_track(index)

    def join(self, track_index: int, track: Track) -> None:  # noqa: ARG002 - the leg knows it
        """Count as a listener."""
        self._legs[track_index][1].go_live(self.id, self._fail)

    def leave(self, track_index: int, track: Track) -> None:  # noqa: ARG002 - the leg knows it
        """Listen no more."""
        leg = self._legs.get(track_index)
        if leg is not None:
            leg[1].stop_live(self.id)

    def send_batch(self, track_index: int, batch: PacketBatch) -> None:
        """Nothing: a group has no packets for one listener alone."""

    def send_rtcp(self, track_index: int, packet: bytes) -> None:
        """Send it to the whole group: a sender report heard again tells the others nothing new."""
        leg = self._legs.get(track_index)
        if leg is not None:
            leg[1].send_rtcp(packet)

    def _fail(self, error: Exception) -> None:
        self.identity.on_close(f"delivery failed: {error}")

    def say_bye(self, reason: str) -> None:
        """Nothing: a BYE would end all listeners' streams, not this one's."""

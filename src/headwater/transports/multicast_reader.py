"""A reader that listens to the multicast group of its mount."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headwater.media.packet_batch import PacketBatch
from headwater.media.reader import Reader
from headwater.media.settings import MountSettings
from headwater.media.track import Track
from headwater.protocol.header.transport import LowerTransport, TransportSpec
from headwater.transports.multicast_egress import MulticastEgress, MulticastEgressTable
from headwater.transports.negotiation import Offer
from headwater.transports.reader_reports import ReaderReports
from headwater.transports.session_end import SessionIdentity
from headwater.transports.session_reader import SessionReader
from headwater.transports.settings import TransportKind


@dataclass(eq=False, slots=True)
class _Leg:
    """One track of the reader."""

    track: Track
    egress: MulticastEgress
    reports: ReaderReports
    # What the group had left out when this reader began to listen; None while it does not.
    left_out_before: tuple[int, int] | None = None

    @property
    def dropped(self) -> tuple[int, int]:
        """Packets and bytes left out while it listened."""
        if self.left_out_before is None:
            return 0, 0
        packets, size_bytes = self.left_out_before
        return self.egress.left_out_packets - packets, self.egress.left_out_bytes - size_bytes


class MulticastReader(SessionReader):
    """Counts as a listener of its tracks' groups; what it gets, all of them get."""

    shares_its_packets = True

    def __init__(
        self,
        identity: SessionIdentity,
        egresses: MulticastEgressTable,
        settings: MountSettings,
        on_too_slow: Callable[[Reader], None],
    ) -> None:
        super().__init__(identity, TransportKind.MULTICAST)
        self._egresses = egresses
        self._settings = settings
        self._on_too_slow = on_too_slow
        self._legs: dict[int, _Leg] = {}
        # Packets and bytes that groups left out while it listened to them.
        self._former_drops = (0, 0)

    @property
    def track_indexes(self) -> Sequence[int]:
        """The tracks that are set up."""
        return sorted(self._legs)

    @property
    def dropped_packets(self) -> int:
        """Packets left out because the group's socket did not keep up."""
        return self._former_drops[0] + sum(leg.dropped[0] for leg in self._legs.values())

    @property
    def dropped_bytes(self) -> int:
        """The same in bytes."""
        return self._former_drops[1] + sum(leg.dropped[1] for leg in self._legs.values())

    @property
    def reported_lost_packets(self) -> int:
        """Packets that receiver reports from its address say were lost."""
        return sum(leg.reports.cumulative_lost for leg in self._legs.values())

    @property
    def reported_fraction_lost(self) -> float:
        """The share lost lately, of the track with the largest."""
        return max((leg.reports.fraction_lost for leg in self._legs.values()), default=0.0)

    def add_track(self, index: int, track: Track, offer: Offer) -> TransportSpec:
        """Open the track's group, or share it with those who listen already."""
        self.remove_track(index)
        egress = self._egresses.acquire(track, self._settings)
        leg = self._legs[index] = _Leg(track, egress, ReaderReports())
        egress.listen(
            self.id, self.identity.peer_ip, lambda packet: self._receive_rtcp(leg, packet)
        )
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
            self._stop(index, leg)
            leg.egress.forget(self.id)
            self._egresses.release(leg.track)

    def release(self) -> None:
        """Let go of every group."""
        for index in tuple(self._legs):
            self.remove_track(index)

    def join(self, track_index: int, track: Track) -> None:
        """Count as a listener."""
        leg = self._legs[track_index]
        leg.egress.go_live(self.id, self)
        leg.left_out_before = (leg.egress.left_out_packets, leg.egress.left_out_bytes)
        self.offered.begin(track_index, track)

    def leave(self, track_index: int, track: Track) -> None:  # noqa: ARG002 - the leg knows it
        """Listen no more."""
        leg = self._legs.get(track_index)
        if leg is not None:
            self._stop(track_index, leg)

    def send_batch(self, track_index: int, batch: PacketBatch) -> None:
        """Nothing: a group has no packets for one listener alone."""

    def send_rtcp(self, track_index: int, packet: bytes) -> None:
        """Send it to the whole group: a sender report heard again tells the others nothing new."""
        leg = self._legs.get(track_index)
        if leg is not None:
            leg.egress.send_rtcp(packet)

    def expire(self) -> None:
        """Have the mount close it: the group's socket was slow for too long."""
        self._on_too_slow(self)

    def fail(self, error: Exception) -> None:
        """End the session after an error in its delivery."""
        self.identity.on_close(f"delivery failed: {error}")

    def say_bye(self, reason: str) -> None:
        """Nothing: a BYE would end all listeners' streams, not this one's."""

    def _receive_rtcp(self, leg: _Leg, packet: bytes) -> None:
        if leg.reports.receive(packet):
            self.identity.on_life()

    def _stop(self, index: int, leg: _Leg) -> None:
        leg.egress.stop_live(self.id)
        self.offered.end(index)
        packets, size_bytes = leg.dropped
        self._former_drops = (self._former_drops[0] + packets, self._former_drops[1] + size_bytes)
        leg.left_out_before = None

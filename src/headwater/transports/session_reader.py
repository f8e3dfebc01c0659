"""What every RTSP reader has in common, whatever carries its packets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from headwater.media.readers.reader import Reader
from headwater.media.tracks.track import Track
from headwater.protocol.header.transport import TransportSpec
from headwater.transports.offered_tally import OfferedTally
from headwater.transports.offers.negotiation import Offer
from headwater.transports.reader_reports import ReaderReports
from headwater.transports.session_media import SessionIdentity, SessionMedia


class Delivery(Protocol):
    """One track's way to a reader."""

    @property
    def reports(self) -> ReaderReports:
        """What the reader said of it."""

    @property
    def dropped(self) -> tuple[int, int]:
        """Packets and bytes that were left out on it."""


class SessionReader(SessionMedia, Reader):
    """A reader that an RTSP session opened.

    Life: `add_track` at each SETUP, then the mount calls `join` and `leave` as PLAY and PAUSE
    come, `release` once at the very end, which gives back ports and channels.

    Attributes:
        shares_its_packets: what is sent to it reaches others too, so that nothing can be sent to
            it alone: no instant start.
        offered: the media it would have got had none been dropped.
    """

    shares_its_packets: bool = False

    def __init__(
        self, identity: SessionIdentity, transport: str, on_too_slow: Callable[[Reader], None]
    ) -> None:
        """`on_too_slow` has the mount close a reader: later, since a fan-out may be under way."""
        super().__init__(identity, transport)
        self._on_too_slow = on_too_slow
        self.offered = OfferedTally()
        # Packets and bytes that were left out on ways it has no more.
        self._former_drops = (0, 0)

    @property
    @abstractmethod
    def _deliveries(self) -> Mapping[int, Delivery]:
        """The ways of the tracks that are set up."""

    @property
    def track_indexes(self) -> Sequence[int]:
        """The tracks that are set up."""
        return sorted(self._deliveries)

    @property
    def dropped_packets(self) -> int:
        """Packets left out because its way did not keep up, or that could not be sent."""
        packets = self._former_drops[0]
        for way in self._deliveries.values():
            packets += way.dropped[0]
        return packets

    @property
    def dropped_bytes(self) -> int:
        """The same in bytes."""
        size_bytes = self._former_drops[1]
        for way in self._deliveries.values():
            size_bytes += way.dropped[1]
        return size_bytes

    @property
    def reported_lost_packets(self) -> int:
        """Packets that its receiver reports say it lost; over TCP none are lost on the way."""
        return sum(way.reports.cumulative_lost for way in self._deliveries.values())

    @property
    def reported_fraction_lost(self) -> float:
        """The share lost lately, of the track with the largest."""
        return max((way.reports.fraction_lost for way in self._deliveries.values()), default=0.0)

    @property
    def sent_packets(self) -> int:
        """Packets that were sent to it, or wait for its socket."""
        return self.offered.packets - self.dropped_packets

    @property
    def sent_bytes(self) -> int:
        """The same in bytes."""
        return self.offered.size_bytes - self.dropped_bytes

    @abstractmethod
    def add_track(self, index: int, track: Track, offer: Offer) -> TransportSpec:
        """Take what the offered transport needs and return the Transport of the answer.

        A track that is set up already gets the new transport instead.
        """

    @abstractmethod
    def remove_track(self, index: int) -> None:
        """Stop one track and give back what it took; an unknown track is no error."""

    def release(self) -> None:
        """Give back every port and channel; a second call does nothing."""
        for index in tuple(self._deliveries):
            self.remove_track(index)

    def expire(self) -> None:
        """Have the mount close it for having been slow too long; what waits for it is lost."""
        self._on_too_slow(self)

    def _keep_drops(self, delivery: Delivery) -> None:
        """Go on counting what was left out on a way that ends."""
        packets, size_bytes = delivery.dropped
        self._former_drops = (self._former_drops[0] + packets, self._former_drops[1] + size_bytes)

    @abstractmethod
    def say_bye(self, reason: str) -> None:
        """Send RTCP BYE on every track (RFC 3550 §6.6)."""

    def close(self, reason: str) -> None:
        """Say BYE and have the session ended."""
        self.say_bye(reason)
        self.identity.on_close(reason)

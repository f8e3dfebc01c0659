"""What every RTSP reader has in common, whatever carries its packets."""

from __future__ import annotations

from abc import abstractmethod

from headwater.media.reader import Reader
from headwater.media.track import Track
from headwater.protocol.header.transport import TransportSpec
from headwater.transports.negotiation import Offer
from headwater.transports.offered_tally import OfferedTally
from headwater.transports.session_end import SessionEnd, SessionIdentity


class SessionReader(SessionEnd, Reader):
    """A reader that an RTSP session opened.

    Life: `add_track` at each SETUP, then the mount calls `join` and `leave` as PLAY and PAUSE
    come, `release` once at the very end, which gives back ports and channels.

    Attributes:
        shares_its_packets: what is sent to it reaches others too, so that nothing can be sent to
            it alone: no instant start.
        offered: the media it would have got had none been dropped.
    """

    shares_its_packets: bool = False

    def __init__(self, identity: SessionIdentity, transport: str) -> None:
        super().__init__(identity, transport)
        self.offered = OfferedTally()

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

    @abstractmethod
    def release(self) -> None:
        """Give back every port and channel; a second call does nothing."""

    @abstractmethod
    def say_bye(self, reason: str) -> None:
        """Send RTCP BYE on every track (RFC 3550 §6.6)."""

    def close(self, reason: str) -> None:
        """Say BYE and have the session ended."""
        self.say_bye(reason)
        self.identity.on_close(reason)

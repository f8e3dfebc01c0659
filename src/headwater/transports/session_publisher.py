"""What every RTSP publisher has in common, whatever carries its packets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from headwater.media.publisher import Publisher
from headwater.media.track import Track
from headwater.protocol.header.transport import TransportSpec
from headwater.transports.negotiation import Offer
from headwater.transports.session_end import SessionEnd


class SessionPublisher(SessionEnd, Publisher):
    """A publisher that an RTSP session feeds.

    Life: `add_track` at each SETUP, `start` at RECORD, `stop` at PAUSE or the end, `release` once
    at the very end, which gives back ports and channels.
    """

    @abstractmethod
    def add_track(self, index: int, offer: Offer) -> TransportSpec:
        """Take what the offered transport needs and return the Transport of the answer."""

    @abstractmethod
    def start(self, tracks: Sequence[Track]) -> None:
        """Let packets into the tracks from now on."""

    @abstractmethod
    def stop(self) -> None:
        """Let no more packets in; a second call does nothing."""

    @abstractmethod
    def release(self) -> None:
        """Stop, and give back every port and channel; a second call does nothing."""

    def close(self, reason: str) -> None:
        """Stop and have the session ended."""
        self.stop()
        self.identity.on_close(reason)

"""What every RTSP publisher has in common, whatever carries its packets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headwater.media.publisher import Publisher
from headwater.media.track import Track
from headwater.protocol.header.transport import TransportSpec
from headwater.transports.negotiation import Offer


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class SessionIdentity:
    """Who is at the other end of a session, for logs, snapshots and sockets.

    `on_close` is told the reason when the mount sends the session away. `is_orphaned` tells
    whether the session's RTSP connection is gone.
    """

    id: str
    peer: str
    peer_ip: str
    local_ip: str
    user_agent: str
    on_close: Callable[[str], None]
    on_life: Callable[[], None]
    is_orphaned: Callable[[], bool] = _never


class SessionPublisher(Publisher):
    """A publisher that an RTSP session feeds.

    Life: `add_track` at each SETUP, `start` at RECORD, `stop` at PAUSE or the end, `release` once
    at the very end, which gives back ports and channels.
    """

    def __init__(self, identity: SessionIdentity, transport: str) -> None:
        self.identity = identity
        self.id = identity.id
        self.peer = identity.peer
        self.user_agent = identity.user_agent
        self.transport = transport

    @property
    @abstractmethod
    def track_indexes(self) -> Sequence[int]:
        """The tracks that are set up."""

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

"""A reader as its mount sees it that is fed by what is made of the mount's feed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headwater.media.readers.reader import Reader
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.relay.end import EndIdentity


@dataclass(slots=True)
class Delivered:
    """What was sent to a reader, and what it missed, in frames of picture and sound."""

    sent_frames: int = 0
    sent_bytes: int = 0
    dropped_frames: int = 0
    dropped_bytes: int = 0


class FedReader(Reader):
    """Is counted and closed with its mount like any other; no packets are sent to it.

    Attributes:
        delivered: what it was given by whoever feeds it.
    """

    needs_pacing = False

    def __init__(
        self, identity: EndIdentity, transport: str, on_close: Callable[[str], None]
    ) -> None:
        """`on_close` is called with the reason when its mount sends it away."""
        self.id = identity.id
        self.peer = identity.peer
        self.user_agent = identity.user_agent
        self.transport = transport
        self.delivered = Delivered()
        self._on_close = on_close

    @property
    def sent_packets(self) -> int:
        """Frames that were sent to it."""
        return self.delivered.sent_frames

    @property
    def sent_bytes(self) -> int:
        """The same in bytes."""
        return self.delivered.sent_bytes

    @property
    def dropped_packets(self) -> int:
        """Frames that it missed because it was too slow."""
        return self.delivered.dropped_frames

    @property
    def dropped_bytes(self) -> int:
        """The same in bytes."""
        return self.delivered.dropped_bytes

    def join(self, track_index: int, track: Track) -> None:
        """Do nothing: the feed reads the track."""

    def leave(self, track_index: int, track: Track) -> None:
        """Do nothing, as `join`."""

    def send_batch(self, track_index: int, batch: PacketBatch) -> None:
        """Do nothing: the feed has kept the same."""

    def send_rtcp(self, track_index: int, batch: PacketBatch) -> None:
        """Do nothing: what it gets has times of its own."""

    def close(self, reason: str) -> None:
        """End with the mount."""
        self._on_close(reason)

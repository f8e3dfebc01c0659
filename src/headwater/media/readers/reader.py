"""Who takes packets from a mount: the interface that every kind of reader offers to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.media.tracks.packet_batch import PacketBatch
    from headwater.media.tracks.track import Track


EndSoon = Callable[["Reader", Callable[[], None]], None]
"""Calls what ends a reader, now or in one of the loop's next turns: a crowd goes in portions."""


class Reader(ABC):
    """One who reads from a mount: an RTSP session, a recorder, a browser, Python code.

    Attributes:
        id: what logs and snapshots call it; an RTSP session's id.
        peer: its address as text, "" where there is none.
        user_agent: what it calls itself, "" when unknown.
        transport: how its packets leave ("udp", "tcp", "multicast", …).
        needs_pacing: whether its way out has no queue that tells when to wait (UDP): cached
            packets are then sent at a bounded pace, not as fast as `queued_bytes` lets them.
        is_relay: whether it passes the packets on to readers that are counted elsewhere, so that
            `max_readers` does not count it.
        keeps_source: whether a source that is fetched on demand goes on for it.
    """

    id: str
    peer: str
    user_agent: str
    transport: str
    needs_pacing: bool = True
    is_relay: bool = False
    keeps_source: bool = True

    @property
    def queued_bytes(self) -> int:
        """Bytes handed over by the mount that have not left yet; 0 where it cannot be known."""
        return 0

    @property
    def oldest_queued_s(self) -> float:
        """The age in seconds of the oldest of these bytes; 0.0 when none are queued."""
        return 0.0

    @property
    def has_room(self) -> bool:
        """Whether cached packets may be sent now; asked of readers that need pacing only."""
        return True

    def way(self, track_index: int) -> Hashable | None:  # noqa: ARG002 - for those who share one
        """What it shares with those readers to whom the same can be sent together with it.

        None where it can only be sent to alone.
        """
        return None

    def together(
        self, readers: Sequence[Reader], track_index: int
    ) -> Callable[[PacketBatch], None]:
        """What sends a batch to readers, itself among them, that all have the same `way`."""

        def send(batch: PacketBatch) -> None:
            for reader in readers:
                reader.send_batch(track_index, batch)

        return send

    @property
    def sent_packets(self) -> int:
        """RTP packets that were sent to it since it began, those that wait included."""
        return 0

    @property
    def sent_bytes(self) -> int:
        """The same in bytes."""
        return 0

    @property
    def dropped_packets(self) -> int:
        """Packets it missed because it was too slow, or that could not be sent to it."""
        return 0

    @property
    def dropped_bytes(self) -> int:
        """The same in bytes."""
        return 0

    @property
    def undeliverable_packets(self) -> int:
        """Of the packets it missed, those that no slowness was the cause of."""
        return 0

    @property
    def dropped_rtcp_packets(self) -> int:
        """Compound RTCP packets of the publisher that it missed because it was too slow."""
        return 0

    @property
    def reported_lost_packets(self) -> int:
        """Packets that it says it lost on the way (RFC 3550 §6.4.1), all tracks together."""
        return 0

    @property
    def reported_fraction_lost(self) -> float:
        """The share it says it lost lately, 0.0 to 1.0, of the track with the largest."""
        return 0.0

    @property
    def hint(self) -> str:
        """What whoever runs the server can do for it; "" where nothing is known to be wrong."""
        return ""

    @abstractmethod
    def join(self, track_index: int, track: Track) -> None:
        """Begin live delivery: add an outlet to `track.fan_out`. Called once until `leave`."""

    @abstractmethod
    def leave(self, track_index: int, track: Track) -> None:
        """End live delivery: remove what `join` added. Called only after a `join`."""

    @abstractmethod
    def send_batch(self, track_index: int, batch: PacketBatch) -> None:
        """Send a batch to this reader alone, before it joins: the way to the live packets."""

    @abstractmethod
    def send_rtcp(self, track_index: int, batch: PacketBatch) -> None:
        """Send compound RTCP packets of the publisher to this reader alone."""

    @abstractmethod
    def close(self, reason: str) -> None:
        """Go away: send RTCP BYE, end the session. The mount has let go of the reader already.

        A call of `Mount.remove_reader` from here does nothing.
        """

"""Who fills a mount: the interface that every kind of publisher offers to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.media.tracks.track import Track


class Publisher(ABC):
    """The one who publishes on a mount: an RTSP session, a pulled camera, Python code.

    It writes packets by `mount.tracks[i].write(packets)` and `.write_rtcp(packets)`.

    Attributes:
        id: what logs and snapshots call it; an RTSP session's id.
        peer: its address as text, "" where there is none.
        user_agent: what it calls itself, "" when unknown.
        transport: how its packets come ("udp", "tcp", …).
        one_source: whether each of its tracks has one RTP source at a time, so that packets of
            others are none of it.
    """

    one_source = False

    id: str
    peer: str
    user_agent: str
    transport: str

    @property
    def kernel_drops(self) -> int:
        """Socket buffers of it that the kernel dropped because a receive buffer was full.

        Each is a datagram, or several that came from a sender with segmentation offload.
        """
        return 0

    @abstractmethod
    def send_rtcp(self, track_index: int, packet: bytes) -> None:
        """Send an RTCP packet (a receiver report, a key-frame request) to the publisher."""

    @abstractmethod
    def close(self, reason: str) -> None:
        """Go away: the mount does not want this publisher any more (idle, replaced, shutdown).

        When it returns, nothing more may be written to the mount's tracks. The mount has let go
        of the publisher already; a call of `Mount.publisher_left` from here does nothing.
        """


class Feed(Publisher):
    """A publisher whose packets can be led into tracks, and later into those of another mount."""

    @abstractmethod
    def start(self, tracks: Sequence[Track]) -> None:
        """Let packets into these tracks from now on, one for each `m=` line; no longer into others.

        When it returns, nothing more is written to the tracks before.
        """

    @abstractmethod
    def stop(self) -> None:
        """Let no more packets in; a second call does nothing."""

"""One track's way in, whatever carries its packets and whoever agreed on it.

An ingest is given what was agreed: sockets, channels, a group. It reads no Transport header and
knows no session, so that what a server answered (`offer_answers`) and what a client was answered
(`receiving_offers`) are fed to a track by the same code.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from headwater.media.tracks.track import Track


class IngestOwner(Protocol):
    """Whoever sends the packets, as an ingest sees it: a name for the log, and an end."""

    @property
    def id(self) -> str:
        """What the log calls it."""

    @property
    def peer(self) -> str:
        """Its address as text."""

    def close(self, reason: str) -> None:
        """Go away: its packets cannot be taken any more."""


class Ingest(ABC):
    """Feeds one track.

    Life: `start` as often as packets are to come in, `stop` when they are not, `close` once at the
    end, which gives back ports and channels.
    """

    @property
    def kernel_drops(self) -> int:
        """Socket buffers that the kernel dropped because a receive buffer was full."""
        return 0

    @abstractmethod
    def start(self, track: Track) -> None:
        """Let packets into the track from now on."""

    @abstractmethod
    def on_arrival(self, call: Callable[[], None]) -> None:
        """Call once, before the start, when a packet of RTP waits for it.

        A start, a stop or a close calls it off. What has come by the start goes into the track.
        """

    @abstractmethod
    def stop(self) -> None:
        """Let no more packets in; a second call does nothing."""

    @abstractmethod
    def close(self) -> None:
        """Stop, and give back ports and channels; a second call does nothing."""

    @abstractmethod
    def send_rtcp(self, packet: bytes) -> None:
        """Send an RTCP packet to where the track comes from; one that cannot leave is lost."""

    @abstractmethod
    def open_nat(self) -> None:
        """Have a NAT on this side let media in; nothing where none can be in the way."""

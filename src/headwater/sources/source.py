"""What a source is: the interface that every kind implements, and what it is given.

A kind is one file with one class. It opens what its URL names, calls `filling.begin` with the
description and a `Feed` (`headwater.media.publisher`), and writes packets into the tracks that it
gets, in batches, by `track.write` and `track.write_rtcp`. It knows nothing of back-off, of starts
at once, of readers or of fallbacks: the table does that for all kinds. To add one:

1. a class with `run`, in a file of this room;
2. a line in `kinds.KINDS`, and its scheme in `schemes.SCHEMES`;
3. a section in docs/cameras.md, and tests in tests/sources.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from headwater.client.surroundings import Surroundings
from headwater.client.transport_memory import TransportMemory
from headwater.media.publisher import Feed
from headwater.media.tracks.track import Track
from headwater.protocol.sdp import SessionDescription
from headwater.relay.end import EndKind


class Retry(Enum):
    """When a source that failed is worth another try."""

    SOON = "soon"
    """After 1 s, then 2, 4, … 60 s."""
    SLOWLY = "slowly"
    """After a minute, then more: who tries again at once is locked out."""


class SourceError(Exception):
    """A source cannot be used, or has ended.

    Attributes:
        message: what was wrong, in words for the log and the status, without a secret.
        retry: when it is worth another try.
    """

    def __init__(self, message: str, retry: Retry = Retry.SOON) -> None:
        super().__init__(message)
        self.message = message
        self.retry = retry


class Filling(Protocol):
    """The mount that a source fills, as the source sees it; one for each `run`.

    Attributes:
        path: the path of the mount.
    """

    @property
    def path(self) -> str:
        """The path of the mount."""

    def begin(self, presentation: SessionDescription, feed: Feed) -> Sequence[Track]:
        """Take the mount; return its tracks, one for each `m=` line, to start the feed with.

        To be called once, when packets are about to come: readers who wait are answered now. Later
        `feed.start` may be called with other tracks: the feed then goes on there, because the
        source has become the live one of several. `feed.close` means that the mount does not want
        the source any more: `run` is to end.

        Raises SourceError where the mount cannot be had; it is to be let through.
        """

    def end(self, feed: Feed, reason: str) -> None:
        """Let go of the mount: nothing more comes from the feed.

        It may be called earlier than `run` ends, so that readers wait no longer than they must.
        """


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """What a source finds around it.

    Attributes:
        name: the source's URL without secrets, for logs and errors.
        client: what clients of this server share: its loop, clock, ports and limits.
        memory: which transport led to which URL before.
        silence_s: seconds without a packet after which it counts as lost; 0.0 for never.
    """

    name: str
    client: Surroundings
    memory: TransportMemory
    silence_s: float = 10.0


class Source(ABC):
    """One source, opened once: a kind makes a new object for each try.

    Attributes:
        kind: what log and status call the publisher that it is.
        via: the servers, or their mounts, that its media has come through, as far as it knows.
    """

    kind = EndKind.CAMERA
    via: tuple[str, ...] = ()

    @abstractmethod
    async def run(self, filling: Filling) -> None:
        """Open the source and fill the mount until it ends.

        Raises SourceError with the reason; to return means that it ended in order. It is cancelled
        when nobody wants it any more. On every way out it gives back what it took: sockets,
        processes, threads. Every wait in it needs a deadline.
        """

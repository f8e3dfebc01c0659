"""The states of a mount and of a reader on it."""

from __future__ import annotations

from enum import StrEnum


class MountState(StrEnum):
    """The life of a mount: LIVE has a publisher, GRACE waits for one, CLOSED is over."""

    LIVE = "live"
    GRACE = "grace"
    CLOSED = "closed"


class ReaderState(StrEnum):
    """Where a reader stands: set up, on its way to the live packets, there, or paused."""

    READY = "ready"
    CATCHING_UP = "catching up"
    LIVE = "live"
    PAUSED = "paused"

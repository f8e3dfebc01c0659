"""The states of a source."""

from __future__ import annotations

from enum import StrEnum


class SourceState(StrEnum):
    """What a source does at the moment."""

    IDLE = "idle"
    """Nobody wants it."""
    STARTING = "starting"
    """It is being opened, or waits for its turn to be."""
    RUNNING = "running"
    """Its packets come."""
    WAITING = "waiting"
    """It failed, and is tried again later."""

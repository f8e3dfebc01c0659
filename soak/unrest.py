"""What a run does to the server: one class for each mode of the soak."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol


class Unrest(Protocol):
    """Somebody who keeps a server busy, until its `run` is cancelled.

    Attributes:
        lives: how often each thing was done, by name.
        failures: what peers met that they must not meet, by text.
    """

    lives: Counter[str]
    failures: Counter[str]

    async def settings(self) -> dict[str, dict[str, Any]]:
        """Start what the server needs, and return the sections of its settings."""

    async def begin(self, port: int) -> None:
        """Bring the server to the state to which everything must return."""

    async def run(self) -> None:
        """Go on until cancelled."""

    def note_kill(self) -> None:
        """Learn that a worker was killed just now: whoever it served may meet anything."""

    async def calm(self) -> None:
        """Have everything come back."""

    async def end(self) -> None:
        """Give back what is still open, once the server was looked at."""

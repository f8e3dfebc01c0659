"""Who goes with a server from its start to its end: its part among several processes."""

from __future__ import annotations

from typing import Protocol

from headwater.app.running_server import RunningServer


class Companion(Protocol):
    """What a server tells of its life, all of it on the loop that it runs on."""

    def begins(self, running: RunningServer) -> None:
        """Join a server that is made and about to start."""

    def serves(self) -> None:
        """Learn that it has started."""

    def ends(self) -> None:
        """Learn that it takes nobody new from now on; may be called again."""

    def ended(self) -> None:
        """Learn that it has stopped; may be called again."""

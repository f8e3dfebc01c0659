"""The two sides of a mount: who fills it, and who is served by it."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """What a peer does on its mount: it publishes there, or it plays what is published."""

    PUBLISH = "publish"
    PLAY = "play"

    @property
    def person(self) -> str:
        """What a peer of this side is called: "publisher" or "reader"."""
        return "publisher" if self is Side.PUBLISH else "reader"

"""Where media to decode comes from: a mount of this server, or another server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from headwater.feeds.mount_feeds import MountFeeds
from headwater.media.mount import Mount

ReadMount = Callable[[Mount], Awaitable[None]]
"""Reads a mount until it is over."""


class MediaSource(Protocol):
    """Finds the mount of a path or URL, again and again."""

    name: str
    """What errors and logs call it."""
    feeds: MountFeeds
    """Makes access units of the mounts that it finds."""

    async def run(self, read: ReadMount) -> None:
        """Have each mount read that comes, until this is cancelled. Raises SourceEnded."""

"""A mount of this server, over all its publishers."""

from __future__ import annotations

from headwater.feeds.mount_feeds import MountFeeds
from headwater.libav.decoding.errors import SourceEnded
from headwater.libav.decoding.media_source import ReadMount
from headwater.media.mount import Mount
from headwater.relay.relay import Relay


class MountSource:
    """Finds the mount of a path, and waits for it where there is none."""

    def __init__(self, relay: Relay, feeds: MountFeeds, path: str) -> None:
        self.name = path
        self.feeds = feeds
        self._relay = relay

    async def run(self, read: ReadMount) -> None:
        """Have each mount read that comes. Raises SourceEnded when the server stops."""
        while True:
            await read(await self._mount())

    async def _mount(self) -> Mount:
        with self._relay.events.listen() as events:
            while True:
                mount = self._relay.mounts.get(self.name)
                if mount is not None and mount.publisher is not None:
                    return mount
                try:
                    await anext(events)
                except StopAsyncIteration:
                    raise SourceEnded(f"{self.name}: the server has stopped") from None

"""A URL to decode, by a mount of the client's own: no server is needed."""

from __future__ import annotations

import asyncio

from headwater.client.back_off import BackOff
from headwater.client.errors import ClientError
from headwater.client.own_mount import OwnMount
from headwater.client.play_session import PlayRequest
from headwater.client.pull import Pull
from headwater.client.settings import ClientSettings
from headwater.client.surroundings import Surroundings
from headwater.client.target import Target
from headwater.feeds.mount_feeds import MountFeeds
from headwater.libav.decoding.errors import SourceEnded
from headwater.libav.decoding.media_source import ReadMount
from headwater.log_pace import paced_logger
from headwater.media.cache_budget import CacheBudget

logger = paced_logger(__name__)

_CACHE_BYTES = 64 << 20
_FIRST_WAIT_S, _MOST_WAIT_S = 0.5, 10.0
"""Who waits for a picture wants the camera back sooner than a relay that nobody looks at."""


class UrlSource:
    """Has a server play a URL, and plays it anew whenever that ends, unless that is not wanted.

    Attributes:
        problem: why nothing is played now; None while it is.
    """

    def __init__(self, url: str, settings: ClientSettings, *, reconnect: bool = True) -> None:
        """Make it; needs a running loop. Raises ValueError for a URL that cannot be played."""
        around = Surroundings.alone()
        target = Target.of(url, settings)
        self.name = target.label
        self.feeds = MountFeeds(
            clock=around.loop.time,
            call_soon=around.loop.call_soon,
            budget=CacheBudget(_CACHE_BYTES),
        )
        self.problem: ClientError | None = None
        self._reconnect = reconnect
        self._around = around
        self._pull = Pull(target, settings, around)

    async def run(self, read: ReadMount) -> None:
        """Have each mount read that comes, until this is cancelled.

        Raises SourceEnded after the first, and where there is none, if it is not to reconnect.
        """
        back_off = BackOff(first_s=_FIRST_WAIT_S, most_s=_MOST_WAIT_S)
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            played = await self._play_once(read)
            if not self._reconnect:
                raise SourceEnded(str(self.problem)) from self.problem
            wait_s = back_off.next_s(loop.time() - began_s if played else 0.0)
            logger.info(
                "frames: the camera is gone, next try follows",
                extra={"mount": self.name, "wait_s": round(wait_s, 1), "cause": self.problem},
            )
            await asyncio.sleep(wait_s)

    async def _play_once(self, read: ReadMount) -> bool:
        """Play until it ends; False where it did not begin."""
        own = OwnMount(self._around)
        try:
            session = await self._pull.start(own, PlayRequest())
        except ClientError as error:
            self.problem = error
            return False
        session.ended.add_done_callback(lambda _: own.close("ended"))
        try:
            if own.mount is not None:
                self.problem = None
                await read(own.mount)
            self.problem = await session.ended
        finally:
            await session.close()
            own.close("ended")
        return True

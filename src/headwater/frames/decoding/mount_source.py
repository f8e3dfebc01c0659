"""Packets of a mount of this server, over all its publishers."""

from __future__ import annotations

import asyncio

from headwater.frames.decoding.errors import SourceEnded
from headwater.frames.decoding.packet_source import PacketTaker
from headwater.media.mount import Mount
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.relay.programs import Programs
from headwater.relay.relay import Relay

_USER_AGENT = "headwater frames"


class MountSource:
    """Reads one track of a mount, and waits for the mount where there is none."""

    def __init__(self, relay: Relay, programs: Programs, path: str) -> None:
        self.name = path
        self._relay = relay
        self._programs = programs
        self._track = 0

    async def run(self, taker: PacketTaker) -> None:
        """Bring packets until it is cancelled.

        Raises SourceEnded when the server stops, NotDecodable for a mount without such a track.
        """
        while True:
            mount = await self._mount()
            try:
                await self._read(mount, taker)
            except LookupError:
                continue
            finally:
                taker.pause()

    def request_key_frame(self) -> None:
        """Ask the publisher for a key frame."""
        mount = self._relay.mounts.get(self.name)
        if mount is not None and self._track < len(mount.tracks):
            mount.request_key_frame(mount.tracks[self._track])

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

    async def _read(self, mount: Mount, taker: PacketTaker) -> None:
        self._track = taker.begin(mount.presentation)
        track = mount.tracks[self._track]

        def take_rtcp(_: int, batch: PacketBatch) -> None:
            # The relay's own reports tell when packets came, not when pictures were taken.
            if track.publisher_has_reported:
                taker.take_rtcp(batch)

        ended = asyncio.get_running_loop().create_future()

        def end(reason: str) -> None:
            if not ended.done():
                ended.set_result(reason)

        reader = self._programs.read(
            self.name,
            lambda _, batch: taker.take(batch),
            on_rtcp=take_rtcp,
            on_end=end,
            tracks=(self._track,),
            instant_start=True,
            user_agent=_USER_AGENT,
        )
        try:
            await ended
        finally:
            reader.close()

"""What a program publishes: pictures and sound that it has, on a mount or another server."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Self

from headwater.libav.encoding.errors import PublisherEnded
from headwater.libav.encoding.given_track import PictureTrack, SoundTrack
from headwater.libav.encoding.outlet import Outlet
from headwater.libav.encoding.packet_track import Outgoing
from headwater.libav.encoding.presentation import presentation_of
from headwater.libav.encoding.wishes import PublishWishes

_MOST_UNSENT = 256
"""Access units that wait for a loop that is busy; then some are dropped, up to a key frame."""


class FramePublisher:
    """Encodes and publishes: `async with server.publish_frames("/out", size=…) as out`.

    Made by `RtspServer.publish_frames` and `headwater.publish_frames`.
    """

    def __init__(self, outlet: Outlet, wishes: PublishWishes) -> None:
        """Make it; nothing is encoded or published before `start`."""
        self._outlet = outlet
        name = f"frames to {outlet.name}"
        self._video = None if wishes.video is None else PictureTrack(wishes.video, name)
        self._sound = None if wishes.sound is None else SoundTrack(wishes.sound, name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._unsent: list[Outgoing] = []

    @property
    def encoder(self) -> str:
        """libav's name of what encodes the pictures; "" before the start."""
        video = self._video
        return "" if video is None or video.kind is None else video.kind.name

    @property
    def passed_over(self) -> int:
        """How many pictures were given and not encoded, since newer ones came meanwhile."""
        return 0 if self._video is None else self._video.thread.passed_over

    @property
    def end_reason(self) -> str | None:
        """Why nothing more is published, in words; None while something is."""
        if self._closed:
            return "it was closed"
        problems = (track.thread.problem for track in self._tracks)
        return next((one for one in problems if one is not None), self._outlet.end_reason)

    async def start(self) -> Self:
        """Find an encoder, and take the path or have the other server record.

        Raises:
            EncoderMissing: nothing here can encode what is asked for.
            RuntimeError: the path has a publisher, or the publisher was started before.
            ClientError: the other server does not record it.
        """
        if self._loop is not None:
            raise RuntimeError("this publisher was started before; make another one")
        self._loop = asyncio.get_running_loop()
        # To try encoders takes a while, as long as a driver likes.
        described = [await asyncio.to_thread(track.open) for track in self._tracks]
        cname = os.urandom(8).hex()
        for index, (track, description) in enumerate(zip(self._tracks, described, strict=True)):
            track.begin(index, description, cname, self._send)
        await self._outlet.open(presentation_of(described), self._want_key_frame)
        return self

    async def put(self, picture: object, *, wallclock: datetime | None = None) -> None:
        """Publish a picture. It is copied, and nothing is waited for.

        Where the encoder is still at work, the picture waits for it; a newer one takes its place.

        Args:
            picture: an array as `format` says, a frame that was decoded here, or one of PyAV's.
            wallclock: when it was taken, with a time zone; now, or as the frame says, unless given.

        Raises:
            ValueError: its size, shape or type is not the stream's.
            PublisherEnded: nothing more can be published.
        """
        self.take(picture, wallclock=wallclock)
        # A program that does nothing else must not keep the loop from its work.
        await asyncio.sleep(0)

    async def put_audio(self, samples: object, *, wallclock: datetime | None = None) -> None:
        """Publish samples, which follow those before them.

        Args:
            samples: an array of `(samples, channels)`, of floats from -1 to 1 or of 16-bit
                integers; `(samples,)` will do for one channel.
            wallclock: when the first one was taken, with a time zone.

        Raises as `put` does.
        """
        self.take_audio(samples, wallclock=wallclock)
        await asyncio.sleep(0)

    def take(self, picture: object, *, wallclock: datetime | None = None) -> None:
        """Do what `put` does, from any thread."""
        self._require_begun()
        if self._video is None:
            raise ValueError("no pictures are published here: give publish_frames their `size`")
        self._video.give(picture, wallclock)

    def take_audio(self, samples: object, *, wallclock: datetime | None = None) -> None:
        """Do what `put_audio` does, from any thread."""
        self._require_begun()
        if self._sound is None:
            raise ValueError('no sound is published here: give publish_frames audio="opus"')
        self._sound.give(samples, wallclock)

    async def close(self) -> None:
        """Publish what waits, and end; a second call does nothing."""
        if self._closed:
            return
        for track in self._tracks:
            await track.finish()
        self._deliver()
        self._closed = True
        await self._outlet.close()

    async def __aenter__(self) -> Self:
        """Publish for the time of an `async with` block."""
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        """Publish what waits, and end."""
        await self.close()

    @property
    def _tracks(self) -> Sequence[PictureTrack | SoundTrack]:
        return [track for track in (self._video, self._sound) if track is not None]

    def _require_begun(self) -> None:
        if self._loop is None:
            raise RuntimeError("nothing is published yet; use `async with`, or `await start()`")
        if (reason := self.end_reason) is not None:
            raise PublisherEnded(f"{self._outlet.name}: nothing more is published: {reason}")

    def _want_key_frame(self, track: int) -> None:
        if self._video is not None and track == 0:
            self._video.want_key_frame()

    def _send(self, parts: Sequence[Outgoing]) -> None:
        """Take what a track's thread made; called there."""
        with self._lock:
            if len(self._unsent) >= _MOST_UNSENT:
                self._want_key_frame(0)
                return
            wake = not self._unsent
            self._unsent += parts
        if wake and self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                # The loop is closed: nobody is left to take it.
                self._unsent.clear()

    def _deliver(self) -> None:
        with self._lock:
            unsent, self._unsent = self._unsent, []
        if self._closed:
            return
        for part in unsent:
            self._outlet.send(part.track, part.packets, is_rtcp=part.is_rtcp)

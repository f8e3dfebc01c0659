"""Packets, other servers and events of a server's mounts, for the program that it runs in."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from headwater.app.mount_path import rooted
from headwater.app.running_server import RunningServer
from headwater.client.forwarding.snapshot import ForwardSnapshot
from headwater.client.settings import ClientSettings
from headwater.media.snapshot import MountSnapshot
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.protocol.errors import ProtocolError
from headwater.protocol.sdp import SessionDescription
from headwater.relay.batch_reader import BatchReader
from headwater.relay.events import EventStream
from headwater.relay.packet_publisher import PacketPublisher
from headwater.sources.snapshot import SourceSnapshot


class MediaAccess(ABC):
    """What `RtspServer` offers of packets and events."""

    _running: RunningServer | None

    def read(
        self,
        path: str,
        on_batch: Callable[[int, PacketBatch], None] | None = None,
        *,
        on_rtcp: Callable[[int, PacketBatch], None] | None = None,
        on_end: Callable[[str], None] | None = None,
        tracks: Sequence[int] | None = None,
        instant_start: bool | None = None,
        user_agent: str = "",
    ) -> BatchReader:
        """Read the packets of a mount in this program.

        With `on_batch`, that is called with the index of a track and each batch of its packets; it
        must not wait. Without, take the batches with `async for track, batch in reader`. A program
        that is slower than the media loses whole stretches up to the next key frame.

        Args:
            path: the path of the mount.
            on_batch: called with each batch of RTP packets.
            on_rtcp: called with each batch of the publisher's RTCP; only with `on_batch`.
            on_end: called with the reason once nothing more comes; only with `on_batch`.
            tracks: which tracks to read, by index; all unless given.
            instant_start: whether to begin with the last key frame; as the settings say unless
                given.
            user_agent: what logs and status call the reader.

        Raises:
            LookupError: nobody publishes on the path.
            RuntimeError: the server is not running, or a limit is reached.
        """
        return self._required().programs.read(
            rooted(path),
            on_batch,
            on_rtcp=on_rtcp,
            on_end=on_end,
            tracks=tracks,
            instant_start=instant_start,
            user_agent=user_agent,
        )

    def publish(
        self,
        path: str,
        presentation: SessionDescription | str | bytes,
        *,
        on_key_frame_wanted: Callable[[int], None] | None = None,
        user_agent: str = "",
    ) -> PacketPublisher:
        """Publish RTP packets that this program has, by `publish(track, packets)` of the result.

        Args:
            path: the path of the mount.
            presentation: what is published, as SDP: one `m=` line for each track.
            on_key_frame_wanted: called with the index of a track, at most once a second, when
                readers need a key frame.
            user_agent: what logs and status call the publisher.

        Raises:
            ValueError: the presentation is no SDP that can be published.
            RuntimeError: the path has a publisher, or the server is not running.
        """
        if not isinstance(presentation, SessionDescription):
            text = presentation.encode() if isinstance(presentation, str) else presentation
            try:
                presentation = SessionDescription.parse(text)
            except ProtocolError as error:
                raise ValueError(f"the presentation is no SDP to publish: {error}") from error
        return self._required().programs.publish(
            rooted(path),
            presentation,
            on_key_frame_wanted=on_key_frame_wanted,
            user_agent=user_agent,
        )

    def forward(
        self, path: str, url: str, *, settings: ClientSettings | None = None, **chosen: Any
    ) -> None:
        """Send what is published on a path on to another server, from now until the stop.

        It begins when the mount opens, at once where it is open, comes back by itself whenever it
        fails, and ends with the mount. `forwards` shows how it fares; `stop_forward` ends it.

        Args:
            path: the path of the mount, or a pattern of paths.
            url: `rtsp://` or `rtsps://` URL to publish to; `{path}` in it stands for the path.
            settings: how to connect and to log in; or single ones, such as `transport="udp"`.

        Raises:
            ValueError: the path, the URL or a setting cannot be used.
            RuntimeError: the server is not running.
        """
        if settings is not None and chosen:
            raise ValueError("give `settings`, or single settings, and not both")
        forwards = self._required().forwards
        forwards.ask(rooted(path), url, settings or ClientSettings(**chosen))

    def stop_forward(self, path: str, url: str) -> bool:
        """Take back `forward` of this path and URL; False where it was not called so."""
        return self._required().forwards.ask_no_more(rooted(path), url)

    @property
    def forwards(self) -> tuple[ForwardSnapshot, ...]:
        """The forwards as they are now, of mounts that are open: a copy to keep."""
        return () if self._running is None else tuple(self._running.forwards.snapshots())

    @property
    def sources(self) -> tuple[SourceSnapshot, ...]:
        """What the server fetches by itself, and how it fares, as it is now: a copy to keep."""
        return () if self._running is None else tuple(self._running.sources.snapshots())

    def events(self) -> EventStream:
        """Return the events from now on: mounts, publishers, readers and sessions come and go.

        Use it as `async for event in server.events():`, and `with` where you leave the loop
        early. At most 1,000 events wait for you; the next one says how many were dropped. The
        iteration ends when the server stops. Raises RuntimeError when it is not running.
        """
        return self._required().relay.events.listen()

    async def wait_for_mount(self, path: str, timeout_s: float | None = None) -> MountSnapshot:
        """Wait until somebody publishes on a path; returns the mount as it is then.

        A source of the path that is fetched on demand is started.

        Raises:
            TimeoutError: nobody did within `timeout_s` seconds; None waits for ever.
            RuntimeError: the server is not running, or was stopped meanwhile.
        """
        relay, sources = self._required().relay, self._required().sources
        path = rooted(path)
        try:
            async with asyncio.timeout(timeout_s):
                with relay.events.listen() as events:
                    sources.want(path)
                    while (mount := relay.mounts.get(path)) is None or mount.publisher is None:
                        await anext(events)
                    return mount.snapshot()
        except TimeoutError:
            raise TimeoutError(f"nobody published on {path} within {timeout_s:g} s") from None
        except StopAsyncIteration:
            raise RuntimeError("the server was stopped meanwhile") from None

    @abstractmethod
    def _required(self) -> RunningServer:
        """The server that runs. Raises RuntimeError where none does."""

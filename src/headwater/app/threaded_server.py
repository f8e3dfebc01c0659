"""`ThreadedRtspServer`: the server on a thread of its own, for programs without asyncio."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import CancelledError
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypedDict, TypeVar, Unpack

from headwater.app.frame_access import (
    AudioFrameArguments,
    DecodingArguments,
    FrameArguments,
    SnapshotArguments,
)
from headwater.app.publisher_arguments import PublisherArguments
from headwater.app.rtsp_server import RtspServer
from headwater.app.threaded_frames import ThreadedFrameStream
from headwater.app.threaded_publisher import ThreadedFramePublisher
from headwater.app.transform_arguments import TransformArguments
from headwater.client.forwarding.snapshot import ForwardSnapshot
from headwater.client.settings import ClientSettings
from headwater.config.applied import Applied
from headwater.config.path_section import PathSection
from headwater.config.settings import Settings
from headwater.control.status import Health, ServerStatus
from headwater.hooks import Hooks
from headwater.media.snapshot import MountSnapshot
from headwater.own_loop import FORKED
from headwater.relay.counters import ServerCounters
from headwater.relay.end import SessionSnapshot
from headwater.relay.events import Event, EventStream
from headwater.sources.snapshot import SourceSnapshot

if TYPE_CHECKING:
    from headwater.libav.decoding.frame import Frame
    from headwater.libav.decoding.frame_stream import FrameStream
    from headwater.libav.decoding.sound import AudioFrame
    from headwater.libav.transforms.snapshot import TransformSnapshot

T = TypeVar("T")

_OWN_THREAD = "called from the server's own thread, which would wait for itself"


class ServerArguments(TypedDict, total=False):
    """The arguments of `RtspServer`, for those that hand them on."""

    host: str | None
    publish_port: int | None
    play_port: int | None
    rtp_port_start: int | None
    rtp_port_count: int | None
    publish_hooks: object
    play_hooks: object
    paths: Mapping[str, PathSection | Mapping[str, Any]] | None
    settings: Settings | None


class ThreadedRtspServer:
    """Runs an `RtspServer` on an event loop in a background thread.

    Takes the arguments of `RtspServer`; its methods may be called from any thread but the
    server's own, and each returns when the work is done.
    """

    def __init__(self, **arguments: Unpack[ServerArguments]) -> None:
        self._server = RtspServer(**arguments)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process_id = 0
        self._life = threading.Lock()
        self._stopping = False

    @property
    def running(self) -> bool:
        """Whether the server is started and not stopped."""
        return self._server.running

    @property
    def settings(self) -> Settings:
        """The settings that the server goes by."""
        return self._server.settings

    @property
    def publish_hooks(self) -> Hooks:
        """Hooks of the publishing side."""
        return self._server.publish_hooks

    @property
    def play_hooks(self) -> Hooks:
        """Hooks of the playing side."""
        return self._server.play_hooks

    @property
    def publish_port(self) -> int:
        """The port that publishers use."""
        return self._server.publish_port

    @property
    def play_port(self) -> int:
        """The port that readers use."""
        return self._server.play_port

    @property
    def http_port(self) -> int | None:
        """The port for browsers; None where there is none."""
        return self._server.http_port

    @property
    def mounts(self) -> Mapping[str, MountSnapshot]:
        """The mounts as they are now, by path."""
        return self._call(self._mounts())

    @property
    def sessions(self) -> Mapping[str, SessionSnapshot]:
        """The sessions as they are now, by id."""
        return self._call(self._sessions())

    @property
    def counters(self) -> ServerCounters:
        """What the server counted since it started: a copy to keep."""
        return self._call(self._counters())

    @property
    def udp_pairs_in_use(self) -> int:
        """UDP port pairs that publishers and readers hold now; 0 while the server is stopped."""
        return self._call(self._udp_pairs_in_use()) if self._server.running else 0

    def status(self) -> ServerStatus:
        """Return everything about the server as it is now."""
        return self._call(self._status())

    def health(self) -> Health:
        """State, age and the chief numbers."""
        return self._call(self._health())

    def reload_certificates(self) -> None:
        """Read the TLS files again, as `RtspServer.reload_certificates`."""
        self._call(self._reload_certificates())

    def open_status_socket(
        self, path: str | None = None, *, on_reload: Callable[[], Awaitable[Applied]] | None = None
    ) -> str:
        """Let `headwater status` ask this server, as `RtspServer.open_status_socket`.

        `on_reload` is awaited on the server's own event loop.
        """
        return self._call(self._server.open_status_socket(path, on_reload=on_reload))

    def apply(self, settings: Settings) -> Applied:
        """Go by other settings while the server runs, as `RtspServer.apply`."""
        return self._call(self._server.apply(settings))

    def set_path(self, pattern: str, settings: PathSection | Mapping[str, Any]) -> Applied:
        """Say how the mounts of a path or pattern differ, as `RtspServer.set_path`."""
        return self._call(self._server.set_path(pattern, settings))

    def remove_path(self, pattern: str) -> Applied:
        """Forget what was said of a path or pattern, as `RtspServer.remove_path`."""
        return self._call(self._server.remove_path(pattern))

    def add_source(self, path: str, url: str, **options: Any) -> None:
        """Have the server fetch a path from a URL by itself, as `RtspServer.add_source`."""
        self._call(self._server.add_source(path, url, **options))

    def remove_source(self, path: str) -> None:
        """End a source that was added, as `RtspServer.remove_source`."""
        self._call(self._server.remove_source(path))

    def publish_url(self, path: str) -> str:
        """Return the URL to publish a mount on."""
        return self._server.publish_url(path)

    def play_url(self, path: str) -> str:
        """Return the URL to play a mount from."""
        return self._server.play_url(path)

    def http_url(self, path: str) -> str:
        """Return the URL of a mount for browsers."""
        return self._server.http_url(path)

    def start(self) -> None:
        """Start the thread and the server; raises what `RtspServer.start` raises."""
        with self._life:
            if self._thread is not None:
                raise RuntimeError("the server runs already; stop it first")
            self._process_id = os.getpid()
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_run_loop, args=(loop,), name="headwater", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no more threads to give
                loop.close()
                raise
            self._loop, self._thread = loop, thread
            try:
                self._call(self._server.start())
            except BaseException:
                self._loop = self._thread = None
                _end_thread(loop, thread)
                raise

    def stop(self, drain_s: float | None = None) -> None:
        """Stop the server and its thread; a second call does nothing.

        A call while another drains ends the drain; both return when the server has stopped.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError(_OWN_THREAD)
        if self._thread is not None and self._process_id != os.getpid():
            raise RuntimeError(FORKED.format(name="the server", pid=self._process_id))
        with self._life:
            thread, is_first = self._thread, not self._stopping
            self._stopping = thread is not None
        if thread is None:
            return
        if not is_first:
            # The other call's end is the end of the thread.
            self._end_drain()
            thread.join()
            return
        try:
            self._call(self._server.stop(drain_s))
        finally:
            with self._life:
                loop, self._loop, self._thread = self._loop, None, None
                self._stopping = False
            _end_thread(loop, thread)

    def close_session(self, session_id: str, reason: str = "closed by the owner") -> bool:
        """End one session; False when there is none of this id."""
        return self._call(self._server.close_session(session_id, reason))

    def close_mount(self, path: str, reason: str = "closed by the owner") -> bool:
        """Close a mount; False when there is none."""
        return self._call(self._server.close_mount(path, reason))

    def forward(
        self, path: str, url: str, *, settings: ClientSettings | None = None, **chosen: Any
    ) -> None:
        """Send what is published on a path on to another server, as `RtspServer.forward`."""
        self._call(self._forward(path, url, settings, chosen))

    def stop_forward(self, path: str, url: str) -> bool:
        """Take back `forward` of this path and URL; False where it was not called so."""
        return self._call(self._stop_forward(path, url))

    @property
    def forwards(self) -> tuple[ForwardSnapshot, ...]:
        """The forwards as they are now, of mounts that are open."""
        return self._call(self._forwards())

    @property
    def sources(self) -> tuple[SourceSnapshot, ...]:
        """What the server fetches by itself, and how it fares, as it is now."""
        return self._call(self._sources())

    def events(self) -> Iterator[Event]:
        """Yield what happens from now on, as `RtspServer.events`; this ends with the server."""
        return self._walk(self._call(self._listen()))

    def wait_for_mount(self, path: str, timeout_s: float | None = None) -> MountSnapshot:
        """Wait until somebody publishes on a path, as `RtspServer.wait_for_mount`."""
        return self._call(self._server.wait_for_mount(path, timeout_s))

    def frames(self, path: str, **wishes: Unpack[FrameArguments]) -> ThreadedFrameStream[Frame]:
        """Iterate over decoded pictures of a mount; the arguments of `RtspServer.frames`."""
        return ThreadedFrameStream(self._call, self._call(self._frames(path, wishes)))

    def audio_frames(
        self, path: str, **wishes: Unpack[AudioFrameArguments]
    ) -> ThreadedFrameStream[AudioFrame]:
        """Iterate over decoded sound; the arguments of `RtspServer.audio_frames`."""
        return ThreadedFrameStream(self._call, self._call(self._audio_frames(path, wishes)))

    def publish_frames(
        self, path: str, **wishes: Unpack[PublisherArguments]
    ) -> ThreadedFramePublisher:
        """Publish pictures or sound; the arguments of `RtspServer.publish_frames`."""
        return ThreadedFramePublisher(self._call, self._server.publish_frames(path, **wishes))

    def transform(
        self,
        source: str,
        target: str,
        function: Callable[[Frame], object],
        **wishes: Unpack[TransformArguments],
    ) -> None:
        """Show what a function makes of the frames of a mount, as `RtspServer.transform`."""
        self._call(self._transform(source, target, function, wishes))

    def stop_transform(self, target: str) -> bool:
        """End the transform that a path shows; False where there is none."""
        return self._call(self._server.stop_transform(target))

    @property
    def transforms(self) -> tuple[TransformSnapshot, ...]:
        """The transforms as they are now."""
        return self._call(self._transforms())

    def latest_frame(
        self, path: str, *, max_age_s: float = 1.0, **wishes: Unpack[DecodingArguments]
    ) -> Frame:
        """Return a picture of the last `max_age_s` seconds, as `RtspServer.latest_frame`."""
        return self._call(self._server.latest_frame(path, max_age_s=max_age_s, **wishes))

    def snapshot(self, path: str, **wishes: Unpack[SnapshotArguments]) -> bytes:
        """Return a JPEG or PNG file of a mount; the arguments of `RtspServer.snapshot`."""
        return self._call(self._server.snapshot(path, **wishes))

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server."""
        self.stop()

    def _walk(self, stream: EventStream) -> Iterator[Event]:
        try:
            while True:
                try:
                    yield self._call(_next_event(stream))
                except StopAsyncIteration:
                    return
                except RuntimeError:
                    # The loop is gone: what came last waits still.
                    while (event := stream.take()) is not None:
                        yield event
                    return
        finally:
            if (loop := self._loop) is not None:
                loop.call_soon_threadsafe(stream.close)

    async def _listen(self) -> EventStream:
        return self._server.events()

    async def _frames(self, path: str, wishes: FrameArguments) -> FrameStream[Frame]:
        return self._server.frames(path, **wishes)

    async def _audio_frames(
        self, path: str, wishes: AudioFrameArguments
    ) -> FrameStream[AudioFrame]:
        return self._server.audio_frames(path, **wishes)

    async def _transform(
        self,
        source: str,
        target: str,
        function: Callable[[Frame], object],
        wishes: TransformArguments,
    ) -> None:
        self._server.transform(source, target, function, **wishes)

    async def _transforms(self) -> tuple[TransformSnapshot, ...]:
        return self._server.transforms

    async def _counters(self) -> ServerCounters:
        return self._server.counters.copy()

    async def _udp_pairs_in_use(self) -> int:
        return self._server.udp_pairs_in_use

    async def _forward(
        self, path: str, url: str, settings: ClientSettings | None, chosen: dict[str, Any]
    ) -> None:
        self._server.forward(path, url, settings=settings, **chosen)

    async def _stop_forward(self, path: str, url: str) -> bool:
        return self._server.stop_forward(path, url)

    async def _sources(self) -> tuple[SourceSnapshot, ...]:
        return self._server.sources

    async def _forwards(self) -> tuple[ForwardSnapshot, ...]:
        return self._server.forwards

    async def _mounts(self) -> Mapping[str, MountSnapshot]:
        return self._server.mounts

    async def _status(self) -> ServerStatus:
        return self._server.status()

    async def _health(self) -> Health:
        return self._server.health()

    async def _reload_certificates(self) -> None:
        self._server.reload_certificates()

    async def _sessions(self) -> Mapping[str, SessionSnapshot]:
        return self._server.sessions

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        loop = self._loop
        if loop is None or self._thread is None:
            work.close()
            raise RuntimeError("the server is not running; start it first")
        if self._process_id != os.getpid():
            work.close()
            raise RuntimeError(FORKED.format(name="the server", pid=self._process_id))
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError(_OWN_THREAD)
        try:
            return asyncio.run_coroutine_threadsafe(work, loop).result()
        except CancelledError:
            raise RuntimeError("the server was stopped meanwhile") from None
        except RuntimeError:
            work.close()  # where the loop has closed meanwhile, nobody else does
            raise

    def _end_drain(self) -> None:
        loop = self._loop
        if loop is not None:
            ending = self._server.stop()
            try:
                asyncio.run_coroutine_threadsafe(ending, loop)
            except RuntimeError:  # the loop is closed: the drain is over
                ending.close()


async def _next_event(stream: EventStream) -> Event:
    return await anext(stream)


def _end_thread(loop: asyncio.AbstractEventLoop | None, thread: threading.Thread) -> None:
    if loop is not None:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped, then what is left on it: nobody waits for it in vain."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

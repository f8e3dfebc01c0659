"""Pictures and sound to an RTSP URL, for programs that run no server: sync and async."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Unpack

from headwater.app.encoders import frame_publisher
from headwater.app.publisher_arguments import PublisherArguments
from headwater.app.threaded_publisher import ThreadedFramePublisher
from headwater.app.url_outlet import UrlOutlet
from headwater.client.settings import ClientSettings
from headwater.own_loop import OwnLoop

if TYPE_CHECKING:
    from headwater.libav.encoding.frame_publisher import FramePublisher


def publish_frames(
    url: str, *, settings: ClientSettings | None = None, **wishes: Unpack[PublisherArguments]
) -> UrlFramePublisher:
    """Publish pictures or sound to an RTSP URL: `with publish_frames(url, size=…) as out`.

    With `async with` it works on the program's loop, and `out.put` is awaited. When the server
    goes, it is tried again until it is back; what is put meanwhile is dropped.

    Args:
        url: such as `rtsp://user:password@server/out`.
        settings: of the client, such as the transport.
        wishes: by name; see `PublisherArguments`.

    Raises:
        ImportError: PyAV or numpy is not installed.
        ValueError: the URL or a wish makes no sense.
    """
    make_outlet = partial(UrlOutlet, url, settings or ClientSettings())
    return UrlFramePublisher(frame_publisher(make_outlet, wishes))


class UrlFramePublisher:
    """A publisher that has not begun, made by `headwater.publish_frames`.

    `with` and `async with` begin it; they raise what `FramePublisher.start` raises.
    """

    def __init__(self, publisher: FramePublisher) -> None:
        self._publisher = publisher
        self._threaded: ThreadedFramePublisher | None = None

    def __enter__(self) -> ThreadedFramePublisher:
        """Publish from a thread of its own, for the time of a `with` block."""
        loop = OwnLoop("frames to a URL")
        loop.start()
        self._threaded = ThreadedFramePublisher(loop.run, self._publisher, loop.stop)
        return self._threaded.__enter__()

    def __exit__(self, *_: object) -> None:
        """Publish what waits, and end."""
        if self._threaded is not None:
            self._threaded.close()

    async def __aenter__(self) -> FramePublisher:
        """Publish on the program's loop, for the time of an `async with` block."""
        return await self._publisher.start()

    async def __aexit__(self, *_: object) -> None:
        """Publish what waits, and end."""
        await self._publisher.close()

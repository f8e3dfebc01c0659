"""Decoded pictures of an RTSP URL, for programs that run no server: sync and async."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, Unpack

from headwater.app.frame_access import FrameArguments
from headwater.app.media_extra import media_extra
from headwater.client.settings import ClientSettings
from headwater.own_loop import OwnLoop

if TYPE_CHECKING:
    from headwater.libav.decoding.decodings import Decodings
    from headwater.libav.decoding.frame import Frame
    from headwater.libav.decoding.frame_stream import FrameStream


def frames(
    url: str,
    *,
    settings: ClientSettings | None = None,
    reconnect: bool = True,
    **wishes: Unpack[FrameArguments],
) -> UrlFrames:
    """Return decoded pictures of an RTSP URL: `for frame in frames(url)`, or `async for`.

    Whenever the server ends the stream, or goes, it is asked for again; without `reconnect` the
    iteration ends with SourceEnded then, whose cause is the ClientError.
    Use `with` or `async with` where you leave the iteration early.

    Args:
        url: such as `rtsp://user:password@camera/live`.
        settings: of the client, such as the transport.
        reconnect: whether it is asked for again.
        wishes: by name; see `FrameArguments`.
    """
    return UrlFrames(url, settings or ClientSettings(), wishes, reconnect=reconnect)


class UrlFrames:
    """An iteration over decoded pictures, made by `headwater.frames`.

    In a program without asyncio the work is done on a thread of its own; with `async for` on the
    program's loop, decoders apart. Both raise what `FrameStream` raises, ImportError where PyAV or
    numpy is not installed, and ValueError for a URL or a wish without sense.
    """

    def __init__(
        self, url: str, settings: ClientSettings, wishes: FrameArguments, *, reconnect: bool = True
    ) -> None:
        self._url = url
        self._settings = settings
        self._wishes = wishes
        self._reconnect = reconnect
        self._opened: tuple[Decodings, FrameStream[Frame]] | None = None
        self._loop: OwnLoop | None = None

    def __iter__(self) -> Self:
        """Iterate over the frames."""
        return self

    def __next__(self) -> Frame:
        """Wait for the next frame."""
        if self._loop is None:
            self._loop = OwnLoop("the frames of a URL")
            self._loop.start()
        frame = self._loop.run(self._next())
        if frame is None:
            self.close()
            raise StopIteration
        return frame

    def __enter__(self) -> Self:
        """Iterate for the time of a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Want no more frames."""
        self.close()

    def close(self) -> None:
        """Want no more frames; a second call does nothing."""
        if self._loop is None:
            self._end()
            return
        loop, self._loop = self._loop, None
        loop.call(self._end)
        loop.stop()

    def __aiter__(self) -> Self:
        """Iterate over the frames, on the program's loop."""
        return self

    async def __anext__(self) -> Frame:
        """Wait for the next frame."""
        frame = await self._next()
        if frame is None:
            self._end()
            raise StopAsyncIteration
        return frame

    async def __aenter__(self) -> Self:
        """Iterate for the time of an `async with` block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Want no more frames."""
        self._end()

    async def _next(self) -> Frame | None:
        if self._opened is None:
            self._opened = open_frames(
                self._url, self._settings, self._wishes, reconnect=self._reconnect
            )
        # A coroutine that another thread waits for must not raise StopAsyncIteration.
        return await anext(self._opened[1], None)

    def _end(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            decodings, stream = opened
            stream.close()
            decodings.close()


def open_frames(
    url: str, settings: ClientSettings, wishes: FrameArguments, *, reconnect: bool = True
) -> tuple[Decodings, FrameStream[Frame]]:
    """Return the decoders of a URL alone, and its frames; needs a running loop.

    Raises ImportError where a package is not installed, and ValueError.
    """
    with media_extra():
        from headwater.app.url_source import UrlSource
        from headwater.libav.decoding.decodings import Decodings
        from headwater.libav.decoding.wishes import wishes_of
    source = UrlSource(url, settings, reconnect=reconnect)
    decodings = Decodings(lambda _: source)
    return decodings, decodings.pictures(source.name, wishes_of(**wishes))

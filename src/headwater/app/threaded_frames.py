"""Frames for programs without asyncio."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

if TYPE_CHECKING:
    from headwater.libav.decoding.frame_stream import FrameStream

F = TypeVar("F")


class ThreadedFrameStream(Generic[F]):
    """Frames one after another: `for frame in server.frames("/cam")`.

    Decoding begins with the first frame that is asked for, and ends some seconds after the
    iteration. Use `with` where you leave the iteration early. Made by `ThreadedRtspServer.frames`
    and `ThreadedRtspServer.audio_frames`.
    """

    def __init__(
        self, call: Callable[[Coroutine[Any, Any, Any]], Any], stream: FrameStream[F]
    ) -> None:
        """Make it; `call` runs a coroutine on the loop of the server and returns its result."""
        self._call = call
        self._stream = stream

    @property
    def skipped(self) -> int:
        """Frames that were decoded and passed over, since the beginning."""
        return self._stream.skipped

    def __iter__(self) -> Self:
        """Iterate over the frames."""
        return self

    def __next__(self) -> F:
        """Wait for the next frame; raises what `FrameStream` raises."""
        frame: F | None = self._call(_next(self._stream))
        if frame is None:
            raise StopIteration
        return frame

    def __enter__(self) -> Self:
        """Iterate for the time of a `with` block."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Want no more frames."""
        self.close()

    def close(self) -> None:
        """Want no more frames; a second call does nothing, nor one after the server's stop."""
        try:
            self._call(_close(self._stream))
        except RuntimeError:
            # The server has stopped, and with it the decoder.
            return


async def _next(stream: FrameStream[F]) -> F | None:
    # A coroutine must not raise StopAsyncIteration.
    return await anext(stream, None)


async def _close(stream: FrameStream[Any]) -> None:
    stream.close()

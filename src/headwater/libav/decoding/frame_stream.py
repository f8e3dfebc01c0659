"""An iteration over decoded frames."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Self, TypeVar

from headwater.libav.decoding.decoded_frame import Missed
from headwater.libav.decoding.decoding import Content, Decoding
from headwater.libav.decoding.errors import FrameTimeout
from headwater.libav.decoding.frame_queue import FrameQueue
from headwater.libav.decoding.place import Place
from headwater.libav.decoding.wishes import FrameWishes

F = TypeVar("F")


class FrameStream(Generic[F]):
    """Frames one after another: `async for frame in server.frames("/cam")`.

    Decoding begins with the first frame that is asked for, and ends some seconds after the
    iteration. Use `async with` where you leave the iteration early. Made by `RtspServer.frames`
    and `RtspServer.audio_frames`.
    """

    def __init__(
        self,
        decoding: Callable[[], Decoding],
        wishes: FrameWishes,
        finish: Callable[[Content, FrameWishes, Missed], Awaitable[F]],
    ) -> None:
        """Make it; nothing is decoded yet.

        Args:
            decoding: gives what decodes the source.
            wishes: what the program wants.
            finish: makes what the program gets of what was decoded.
        """
        self._find_decoding = decoding
        self._wishes = wishes
        self._finish = finish
        self._queue = FrameQueue(wishes)
        self._decoding: Decoding | None = None
        self._skipped_before = 0
        self._before: Place | None = None

    @property
    def skipped(self) -> int:
        """Frames that were decoded and passed over, since the beginning."""
        return self._queue.skipped

    def __aiter__(self) -> Self:
        """Iterate over the frames."""
        return self

    async def __anext__(self) -> F:
        """Return the next frame.

        Raises:
            FrameTimeout: none came in time; you may ask again.
            SourceEnded: none will come any more.
            NotDecodable: the source has nothing that can be decoded as was asked.
        """
        queue = self._queue
        if self._decoding is None and not queue.is_over:
            self._decoding = self._find_decoding()
            self._decoding.join(queue)
        try:
            async with asyncio.timeout(self._wishes.timeout_s):
                content = await queue.take()
        except TimeoutError:
            raise FrameTimeout(
                f"no frame came within {self._wishes.timeout_s:g} s; the source may be gone, or"
                " publish nothing: ask again to wait longer"
            ) from None
        if content is None:
            self.close()
            raise StopAsyncIteration
        return await self._finish(content, self._wishes, self._missed(content.place))

    def _missed(self, place: Place) -> Missed:
        skipped = self._queue.skipped - self._skipped_before
        self._skipped_before = self._queue.skipped
        before, self._before = self._before or place, place
        return Missed(
            skipped,
            gap=place.lost_packets - before.lost_packets,
            undecoded=place.undecoded - before.undecoded,
        )

    async def __aenter__(self) -> Self:
        """Iterate for the time of an `async with` block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Want no more frames."""
        self.close()

    def close(self) -> None:
        """Want no more frames; a second call does nothing."""
        self._queue.close()
        self._queue.clear()
        if self._decoding is not None:
            self._decoding.leave(self._queue)

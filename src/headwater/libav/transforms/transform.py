"""A function over the frames of one mount, whose pictures another mount shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from headwater.libav.decoding.errors import FramesError, SourceEnded
from headwater.libav.decoding.frame import Frame
from headwater.libav.decoding.frame_stream import FrameStream
from headwater.libav.encoding.array_frame import size_of
from headwater.libav.encoding.errors import PublisherEnded
from headwater.libav.encoding.frame_publisher import FramePublisher
from headwater.libav.transforms.function_runner import FunctionRunner
from headwater.libav.transforms.snapshot import TransformSnapshot
from headwater.log_pace import paced_logger

logger = paced_logger(__name__)

RETRY_S = 2.0
"""After what cannot be decoded, or published: another publisher may come."""

Size = tuple[int, int]


class Transform:
    """Lives as long as its server: it shows pictures while there are frames, and waits otherwise.

    Args:
        source: the path that the frames are of.
        target: the path that is published.
        frames: gives an iteration over the newest frames, up to the publisher's end.
        publisher: makes a publisher of pictures of a size.
        runner: calls the function.
    """

    def __init__(
        self,
        source: str,
        target: str,
        *,
        frames: Callable[[], FrameStream[Frame]],
        publisher: Callable[[Size], FramePublisher],
        runner: FunctionRunner,
    ) -> None:
        self.source = source
        self.target = target
        self._frames = frames
        self._make_publisher = publisher
        self._runner = runner
        self._publisher: FramePublisher | None = None
        self._size: Size | None = None
        self._given = self._published = self._skipped = self._failures = 0
        self._problem: str | None = None
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._run(), name=f"transform {source} to {target}")

    def snapshot(self) -> TransformSnapshot:
        """Return how it fares."""
        return TransformSnapshot(
            self.source,
            self.target,
            given=self._given,
            published=self._published,
            skipped=self._skipped,
            failures=self._failures,
            problem=self._problem,
        )

    async def close(self) -> None:
        """End it, and what it publishes; a second call does nothing."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while True:
                try:
                    await self._follow()
                except SourceEnded:
                    return
                except FramesError as error:
                    self._note_problem(error)
                    await asyncio.sleep(RETRY_S)
        finally:
            self._runner.close()

    async def _follow(self) -> None:
        """Go over the frames of one publisher, until it goes."""
        try:
            async with self._frames() as frames:
                async for frame in frames:
                    self._given += 1
                    self._skipped += frame.skipped
                    await self._take(frame)
        finally:
            await self._end_publisher()

    async def _take(self, frame: Frame) -> None:
        try:
            picture = await self._runner.call(frame)
            if picture is not None:
                await self._show(picture, frame)
        except PublisherEnded as error:
            self._note_problem(error)
            await self._end_publisher()
            await asyncio.sleep(RETRY_S)
        except Exception as error:
            self._failures += 1
            extra = {"mount": self.target, "cause": f"{type(error).__name__}: {error}"}
            logger.exception("a frame's function failed; the next frame is tried", extra=extra)

    async def _show(self, picture: object, frame: Frame) -> None:
        size = size_of(picture)
        if size != self._size:
            await self._end_publisher()
        if self._publisher is None:
            publisher = self._make_publisher(size)
            try:
                await publisher.start()
            except (RuntimeError, FramesError) as error:
                raise PublisherEnded(f"{self.target}: {error}") from error
            self._publisher, self._size = publisher, size
            self._problem = None
        await self._publisher.put(picture, wallclock=frame.wallclock or _arrival(frame))
        self._published += 1

    async def _end_publisher(self) -> None:
        publisher, self._publisher = self._publisher, None
        self._size = None
        if publisher is not None:
            await publisher.close()

    def _note_problem(self, error: Exception) -> None:
        self._problem = str(error)
        extra = {"mount": self.target, "cause": error}
        logger.warning("a transform shows nothing, next try follows", extra=extra)


def _arrival(frame: Frame) -> datetime:
    """Return when a frame came, for a camera that does not tell when it took it."""
    return datetime.fromtimestamp(time.time() - (time.monotonic() - frame.arrived_s), UTC)

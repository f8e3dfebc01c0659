"""A reader whose batches a coroutine takes: `async for track, batch in reader`."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol, Self

from headwater.media.clock import CallSoon, Clock
from headwater.media.readers.queued_reader import QueuedReader
from headwater.media.settings import MountSettings
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track


class Wait(Protocol):
    """What a coroutine waits for, such as `asyncio.Future`."""

    def done(self) -> bool:
        """Return whether it is over."""

    def set_result(self, result: None, /) -> None:
        """Let the coroutine go on."""

    def __await__(self) -> Generator[Any, None, None]:
        """Wait."""


class IterableReader(QueuedReader):
    """Gives its batches to one `async for`, which ends when the reader does.

    Between two batches the coroutine may wait for what it likes. Where it is slower than the
    media, it loses whole stretches up to the next key frame, as every slow reader does. RTCP is
    not given; `track.last_report` has the publisher's last sender report.

    As a context manager it ends the reader on the way out.
    """

    def __init__(
        self,
        reader_id: str,
        *,
        clock: Clock,
        call_soon: CallSoon,
        create_future: Callable[[], Wait],
        settings: MountSettings | None = None,
        user_agent: str = "",
    ) -> None:
        """Make a reader.

        Args:
            reader_id: what logs and snapshots call it.
            clock: the mount's.
            call_soon: calls a function in one of the loop's next turns.
            create_future: such as `loop.create_future`.
            settings: whose rules for slow readers hold; the mount's own unless given.
            user_agent: what it calls itself.
        """
        super().__init__(
            reader_id, clock=clock, call_soon=call_soon, settings=settings, user_agent=user_agent
        )
        self._create_future = create_future
        self._wait: Wait | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[Track, PacketBatch]:
        """Take the next batch, as soon as there is one.

        Raises RuntimeError where another coroutine waits for it already.
        """
        if self._wait is not None:
            raise RuntimeError(f"two coroutines take the batches of the reader {self.id}")
        while (waiting := self._queue.take()) is None:
            if self.end_reason is not None:
                raise StopAsyncIteration
            self._wait = self._create_future()
            try:
                await self._wait
            finally:
                self._wait = None
        return waiting.track, waiting.batch

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.end()

    def _something_waits(self) -> None:
        if self._wait is not None and not self._wait.done():
            self._wait.set_result(None)

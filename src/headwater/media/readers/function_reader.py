"""A reader that is made of one function."""

from __future__ import annotations

from collections.abc import Callable

from headwater.log_pace import paced_logger
from headwater.media.clock import CallSoon, Clock
from headwater.media.readers.queued_reader import QueuedReader
from headwater.media.settings import MountSettings
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track

logger = paced_logger(__name__)

OnBatch = Callable[[Track, PacketBatch], None]
OnEnd = Callable[[str], None]

MOST_TURN_S = 0.01
"""A function that takes longer goes on in the loop's next turn: others are served in between."""


class FunctionReader(QueuedReader):
    """Calls a function with each batch, in the loop's turn after the one that brought it.

    The function must not wait: while it works, nobody is served. Where it is slower than the
    media, it loses whole stretches up to the next key frame, as every slow reader does. What it
    raises is logged and ends this reader, and nothing else.
    """

    def __init__(
        self,
        reader_id: str,
        on_batch: OnBatch,
        *,
        clock: Clock,
        call_soon: CallSoon,
        on_rtcp: OnBatch | None = None,
        on_end: OnEnd | None = None,
        settings: MountSettings | None = None,
        user_agent: str = "",
    ) -> None:
        """Make a reader.

        Args:
            reader_id: what logs and snapshots call it.
            on_batch: called with the track and a batch of its RTP packets, in order.
            clock: the mount's.
            call_soon: calls a function in one of the loop's next turns.
            on_rtcp: called with a batch of compound RTCP packets of the publisher, in order too.
            on_end: called once, after everything else, with the reason.
            settings: whose rules for slow readers hold; the mount's own unless given.
            user_agent: what it calls itself.
        """
        super().__init__(
            reader_id, clock=clock, call_soon=call_soon, settings=settings, user_agent=user_agent
        )
        self._on_batch = on_batch
        self._on_rtcp = on_rtcp
        self._on_end = on_end
        self._wants_rtcp = on_rtcp is not None
        self._delivers = False

    def _something_waits(self) -> None:
        if not self._delivers:
            self._delivers = True
            self._call_soon(self._deliver)

    def _deliver(self) -> None:
        until_s = self._clock() + MOST_TURN_S
        while (waiting := self._queue.take()) is not None:
            call = self._on_rtcp if waiting.is_rtcp else self._on_batch
            assert call is not None, "RTCP is queued for those alone who want it"  # noqa: S101
            try:
                call(waiting.track, waiting.batch)
            except Exception as error:
                logger.exception("a reader's function raised", extra={"session": self.id})
                self.end(f"its function raised {type(error).__name__}")
            if self._queue and self._clock() >= until_s:
                self._call_soon(self._deliver)
                return
        self._delivers = False
        if self.end_reason is not None:
            self._tell_end(self.end_reason)

    def _tell_end(self, reason: str) -> None:
        tell, self._on_end = self._on_end, None
        if tell is None:
            return
        try:
            tell(reason)
        except Exception:
            extra = {"session": self.id, "cause": reason}
            logger.exception("a reader's function raised at its end", extra=extra)

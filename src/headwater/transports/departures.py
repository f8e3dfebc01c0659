"""Ends sessions and connections a few at a time, so that a crowd that goes delays nobody."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from headwater.log_pace import paced_logger
from headwater.net.event_loop import EventLoop

logger = paced_logger(__name__)

_PER_TURN = 16
"""One end takes a fraction of a millisecond; between turns of the loop all others are served."""


class Departures:
    """Everything that the server itself decided to end, in the order it did so."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._waiting: dict[Hashable, Callable[[], None]] = {}
        self._scheduled = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, what: Hashable, end: Callable[[], None]) -> None:
        """Call `end` in one of the loop's next turns; of what waits already nothing changes.

        Never calls it at once: whoever adds may be going through those that are to end.
        """
        self._waiting.setdefault(what, end)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._work)

    def finish(self) -> None:
        """End all that waits now: nothing is forgotten when the server stops."""
        while self._waiting:
            self._end_next()

    def _work(self) -> None:
        for _ in range(min(_PER_TURN, len(self._waiting))):
            self._end_next()
        self._scheduled = bool(self._waiting)
        if self._scheduled:
            self._loop.call_soon(self._work)

    def _end_next(self) -> None:
        end = self._waiting.pop(next(iter(self._waiting)))
        try:
            end()
        except Exception:
            # The others that wait are to end all the same.
            logger.exception("an end failed")

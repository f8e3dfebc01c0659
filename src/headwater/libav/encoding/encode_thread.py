"""A thread that encodes one track, beside whoever gives it something to encode."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from headwater.log_pace import paced_logger

logger = paced_logger(__name__)

HANGS_AFTER_S = 5.0
"""One picture takes milliseconds; an encoder that takes so long never returns."""
MOST_FAILURES = 3
"""So many failures in a row; then nothing is encoded any more."""

T = TypeVar("T")


class EncodeThread(Generic[T]):
    """Works at what it is given, in order. Nobody waits for it: the newest goes before the oldest.

    Attributes:
        passed_over: how many were given and not worked at, since newer ones came.
        problem: why nothing is worked at any more, in words; None while it is.
    """

    def __init__(
        self,
        work: Callable[[T], None],
        *,
        most_waiting: int,
        name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make it; the thread starts with the first item.

        Args:
            work: called in the thread with each item.
            most_waiting: how many items wait; the oldest gives way to the newest.
            name: what the thread is called.
            clock: seconds.
        """
        self._work = work
        self._most_waiting = most_waiting
        self._name = name
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[T] = deque()
        self._started = False
        self._last: Callable[[], None] | None = None
        self._over: Future[None] = Future()
        self._busy_since_s: float | None = None
        self._failures = 0
        self.passed_over = 0
        self.problem: str | None = None

    def put(self, item: T) -> None:
        """Have an item worked at; from any thread."""
        busy_since_s = self._busy_since_s
        if busy_since_s is not None and self._clock() - busy_since_s > HANGS_AFTER_S:
            self.problem = f"its encoder does not return, for {HANGS_AFTER_S:g} s now"
        with self._changed:
            if self.problem is not None or self._last is not None:
                self.passed_over += 1
                return
            if len(self._waiting) == self._most_waiting:
                self._waiting.popleft()
                self.passed_over += 1
            self._waiting.append(item)
            if not self._started:
                self._started = True
                # A daemon: one that never returns must not keep the program from its end.
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
            self._changed.notify()

    async def finish(self, last: Callable[[], None], within_s: float) -> None:
        """Have what waits worked at, then `last` called in the thread; take nothing more."""
        with self._changed:
            if not self._started or self._last is not None:
                return
            self._last = last
            self._changed.notify()
        done = asyncio.wrap_future(self._over)
        await asyncio.wait([done], timeout=within_s)

    def stop(self) -> None:
        """Take nothing more, and leave out what waits; nobody waits for the thread's end."""
        with self._changed:
            self._waiting.clear()
            if self._last is None:
                self._last = lambda: None
            self._changed.notify()

    def _run(self) -> None:
        while (item := self._next()) is not None:
            self._do(lambda item=item: self._work(item))  # type: ignore[misc]
        if self._last is not None and self.problem is None:
            self._do(self._last)
        self._over.set_result(None)

    def _do(self, step: Callable[[], None]) -> None:
        self._busy_since_s = self._clock()
        try:
            step()
            self._failures = 0
        except Exception as error:
            logger.exception("an encoder failed; another begins with the next picture")
            self._failures += 1
            if self._failures >= MOST_FAILURES:
                self.problem = f"its encoder fails: {type(error).__name__}: {error}"
        self._busy_since_s = None

    def _next(self) -> T | None:
        with self._changed:
            while not self._waiting and self._last is None:
                self._changed.wait()
            return self._waiting.popleft() if self._waiting else None

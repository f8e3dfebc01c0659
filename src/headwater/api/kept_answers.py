"""Answers that are made once a second, for all who ask for the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final

from headwater.media.clock import CallLater, Clock, Timer

_FRESH_S: Final = 1.0
_MOST_ANSWERS: Final = 64
_MOST_BYTES: Final = 8 << 20
"""Answers that are kept, and their bytes; where there are more, the oldest is made anew."""


@dataclass(frozen=True, slots=True)
class _Kept:
    made_s: float
    turnover: Hashable
    answer: asyncio.Task[bytes]

    @property
    def size_bytes(self) -> int:
        return len(self.answer.result()) if self.answer.done() else 0


class KeptAnswers:
    """Keeps each for a second at most, or until something comes or goes; nothing once nobody asks.

    They are bytes: a list of ten thousand objects would have Python look for garbage among all.
    """

    def __init__(
        self, clock: Clock, call_later: CallLater, turnover: Callable[[], Hashable]
    ) -> None:
        """`turnover` returns another value once something has come or gone."""
        self._clock = clock
        self._call_later = call_later
        self._turnover = turnover
        # The oldest first.
        self._kept: dict[Hashable, _Kept] = {}
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return len(self._kept)

    async def answer(self, key: Hashable, make: Callable[[], Awaitable[str]]) -> bytes:
        """Return the answer of a key; who asks while it is made waits for the same."""
        now, turnover = self._clock(), self._turnover()
        kept = self._kept.get(key)
        if kept is None or now - kept.made_s >= _FRESH_S or kept.turnover != turnover:
            self._kept.pop(key, None)
            task = asyncio.get_running_loop().create_task(_bytes_of(make))
            task.add_done_callback(lambda _: self._made(key, task))
            kept = self._kept[key] = _Kept(now, turnover, task)
            if self._timer is None:
                self._timer = self._call_later(_FRESH_S, self._forget_old)
        # Shielded: others may wait for it too.
        return await asyncio.shield(kept.answer)

    def forget(self) -> None:
        """Keep none: something was changed."""
        self._kept.clear()

    def close(self) -> None:
        """Keep none, and nothing to do so; a second call does nothing."""
        self.forget()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _made(self, key: Hashable, task: asyncio.Task[bytes]) -> None:
        kept = self._kept.get(key)
        failed = task.cancelled() or task.exception() is not None
        if failed and kept is not None and kept.answer is task:
            del self._kept[key]
        total = sum(each.size_bytes for each in self._kept.values() if not each.answer.cancelled())
        while self._kept and (len(self._kept) > _MOST_ANSWERS or total > _MOST_BYTES):
            oldest = self._kept.pop(next(iter(self._kept)))
            total -= oldest.size_bytes

    def _forget_old(self) -> None:
        self._timer = None
        now = self._clock()
        old = [key for key, each in self._kept.items() if now - each.made_s >= _FRESH_S]
        for key in old:
            del self._kept[key]
        if self._kept:
            self._timer = self._call_later(_FRESH_S, self._forget_old)


async def _bytes_of(make: Callable[[], Awaitable[str]]) -> bytes:
    return (await make()).encode()

"""A limit on how many work at once, and a fair order for those who wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from headwater.access.turns import Source, Turns

_MOST_WAITING = 1024
"""Of each kind, known and strangers: as many as come at once when a large site comes back."""


class NoPlaceError(Exception):
    """Too many wait for a place already."""


class Places:
    """Places of which each is taken by one at a time; who finds none waits in `Turns`.

    `wait_s` is the longest that anybody waits, in seconds.
    """

    def __init__(self, count: int, *, wait_s: float, most_waiting: int = _MOST_WAITING) -> None:
        self._free = count
        self.wait_s = wait_s
        """It may be changed at any time."""
        # What a turn comes to: True is a place, False that others took it.
        self._turns: Turns[asyncio.Future[bool]] = Turns(most_waiting)

    @asynccontextmanager
    async def place(self, source: Source, *, known: bool) -> AsyncIterator[None]:
        """Hold a place. Raises NoPlaceError where none came in time.

        `source` is who asks, and `known` whether it has shown before that it may.
        """
        if self._free:
            self._free -= 1
        else:
            await self._wait(source, known=known)
        try:
            yield
        finally:
            self._hand_on()

    async def _wait(self, source: Source, *, known: bool) -> None:
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        pushed_out = self._turns.add(source, turn, known=known)
        if pushed_out is not None and not pushed_out.done():
            pushed_out.set_result(False)
        try:
            await asyncio.wait({turn}, timeout=self.wait_s)
        except BaseException:
            if turn.done() and turn.result():
                # Its turn came in the moment in which it gave up.
                self._hand_on()
            turn.cancel()
            raise
        if not (turn.done() and turn.result()):
            # A turn that is called off is nobody's.
            turn.cancel()
            raise NoPlaceError

    def _hand_on(self) -> None:
        while self._turns:
            turn = self._turns.take()
            if not turn.done():
                turn.set_result(True)
                return
        self._free += 1

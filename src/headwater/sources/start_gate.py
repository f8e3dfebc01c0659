"""How many sources may be starting at a time."""

from __future__ import annotations

import asyncio
from collections import deque


class StartGate:
    """Lets so many in at once; the others wait in the order in which they came.

    Attributes:
        inside: how many are.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def most(self) -> int:
        """How many may be inside. More are let in at once; fewer, as others leave."""
        return self._most

    @most.setter
    def most(self, most: int) -> None:
        self._most = most
        self._let_in()

    async def enter(self) -> None:
        """Wait for a place; whoever got one calls `leave` once."""
        if self.inside < self._most and not self._waiting:
            self.inside += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                # The place was given at the moment in which nobody wanted it any more.
                self.leave()
            raise

    def leave(self) -> None:
        """Give the place to the next."""
        self.inside -= 1
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self.inside < self._most:
            turn = self._waiting.popleft()
            if not turn.done():
                self.inside += 1
                turn.set_result(None)

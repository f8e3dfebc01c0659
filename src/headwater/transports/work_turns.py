"""How much of what peers ask for is begun in one turn of the loop, all connections together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from headwater.net.event_loop import EventLoop
from headwater.net.urgent_sockets import urgent_sockets

MOST_PER_TURN = 12
"""Requests take a fraction of a millisecond each; between turns of the loop packets are relayed."""
BEGUN_IN_A_ROW = 3
"""So many requests are dealt with before live packets that came meanwhile are relayed."""
READ_IN_A_ROW = 32
"""And so many are read that have to wait for their turn: 6 µs each."""


class WorkTurns:
    """Begins work in the order in which it came, some in this turn of the loop, some in the next.

    However many peers ask at once, live packets wait for a few requests only.

    Attributes:
        full: whether what comes now has to wait for a later turn.
    """

    __slots__ = ("_begun", "_loop", "_relay_live", "_waiting", "full")

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._relay_live = urgent_sockets(loop).read_waiting
        self._waiting: deque[Callable[[], None]] = deque()
        # Counted from one turn that was full to the next: to count each turn would cost a call.
        self._begun = 0
        self.full = False

    def __len__(self) -> int:
        """How much waits for its turn."""
        return len(self._waiting)

    def may_begin(self) -> bool:
        """Whether a piece of work may begin at once; it is counted then. Else it is to `wait`."""
        if self.full:
            return False
        self._begun += 1
        if self._begun == MOST_PER_TURN:
            self.full = True
            self._loop.call_soon(self._next_turn)
        return True

    def wait(self, work: Callable[[], None]) -> None:
        """Call `work`, which must not raise, when its turn comes."""
        waiting = self._waiting
        waiting.append(work)
        if not len(waiting) % READ_IN_A_ROW:
            self._relay_live()

    def _next_turn(self) -> None:
        waiting = self._waiting
        self._begun = count = min(MOST_PER_TURN, len(waiting))
        self.full = count == MOST_PER_TURN
        if self.full:
            # First, so that whatever a piece of work does, the others have their turn.
            self._loop.call_soon(self._next_turn)
        for number in range(1, count + 1):
            waiting.popleft()()
            if not number % BEGUN_IN_A_ROW:
                self._relay_live()

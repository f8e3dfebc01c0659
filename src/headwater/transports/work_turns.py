"""How much of what peers ask for is begun in one turn of the loop, all connections together."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from headwater.net.event_loop import EventLoop
from headwater.net.urgent_sockets import urgent_sockets

MOST_PER_TURN = 12
"""Requests take a fraction of a millisecond each; between turns of the loop packets are relayed."""
MOST_KNOWN_PER_TURN = 6
"""So many of them go before those that have just come: half, so that these are never starved."""
KNOWN_AFTER_S = 1.0
"""A crowd comes within less, mostly: what was there so long before it is none of it."""
BEGUN_IN_A_ROW = 3
"""So many requests are dealt with before live packets that came meanwhile are relayed."""
READ_IN_A_ROW = 32
"""And so many are read that have to wait for their turn: 6 µs each."""


class WorkTurns:
    """Begins work in the order in which it came, some in this turn of the loop, some in the next.

    However many peers ask at once, live packets wait for a few requests only. And peers that are
    known do not wait for a crowd that has just come: up to half of each turn is theirs first. That
    is for keep-alives, the good-byes of those who leave, and whoever is at work with the server; a
    thousand who come have to wait for each other anyway, and hardly notice. Among the known, and
    among the others, who came first has the first turn: to open many connections beforehand gains
    no more than that half.

    Attributes:
        full: whether what comes now has to wait for a later turn.
        known_before_s: a peer that has been there since before is known, by the loop's clock. It
            stays the same while turn after turn is full: however long a crowd has to wait, none of
            it becomes known by that.
    """

    __slots__ = ("_begun", "_known", "_loop", "_newcomers", "_relay_live", "full", "known_before_s")

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._relay_live = urgent_sockets(loop).read_waiting
        # In order, and each can leave from the middle.
        self._known: OrderedDict[Callable[[], None], None] = OrderedDict()
        self._newcomers: OrderedDict[Callable[[], None], None] = OrderedDict()
        # Counted from one turn that was full to the next: to count each turn would cost a call.
        self._begun = 0
        self.full = False
        self.known_before_s = -math.inf

    def __len__(self) -> int:
        """How much waits for its turn."""
        return len(self._known) + len(self._newcomers)

    def may_begin(self) -> bool:
        """Whether a piece of work may begin at once; it is counted then. Else it is to `wait`."""
        if self.full:
            return False
        self._begun += 1
        if self._begun == MOST_PER_TURN:
            self.full = True
            self.known_before_s = self._loop.time() - KNOWN_AFTER_S
            self._loop.call_soon(self._next_turn)
        return True

    def wait(self, work: Callable[[], None], *, known: bool) -> None:
        """Call `work`, which must not raise, when its turn comes; `known` is whose it is.

        Each time it is an object of its own.
        """
        known_ones, newcomers = self._known, self._newcomers
        (known_ones if known else newcomers)[work] = None
        if not (len(known_ones) + len(newcomers)) % READ_IN_A_ROW:
            self._relay_live()

    def forget(self, work: Callable[[], None]) -> None:
        """Undo `wait`, for a peer that is gone: who comes after it does not wait for its turn."""
        self._known.pop(work, None)
        self._newcomers.pop(work, None)

    def _next_turn(self) -> None:
        known, newcomers = self._known, self._newcomers
        self._begun = count = min(MOST_PER_TURN, len(known) + len(newcomers))
        self.full = count == MOST_PER_TURN
        if self.full:
            # First, so that whatever a piece of work does, the others have their turn.
            self._loop.call_soon(self._next_turn)
        for number in range(1, count + 1):
            if known and (number <= MOST_KNOWN_PER_TURN or not newcomers):
                known.popitem(last=False)[0]()
            elif newcomers:
                newcomers.popitem(last=False)[0]()
            else:
                # What came before it has ended the peers of the rest.
                break
            if not number % BEGUN_IN_A_ROW:
                self._relay_live()

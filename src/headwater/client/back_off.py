"""How long to wait before trying again: longer each time, and not all at the same moment."""

from __future__ import annotations

import random
from typing import Final

FIRST_S: Final = 1.0
MOST_S: Final = 60.0
GOOD_RUN_S: Final = 60.0
_DOUBLINGS: Final = 16


class BackOff:
    """Waits of 1 s, 2 s, 4 s … `most_s`, each shortened by up to a half by chance.

    Many that lost the same server do not all come back in the same moment. After a minute of good
    running the next wait is short again.

    Attributes:
        tries: attempts since the last good run, at most 16.
    """

    def __init__(self, *, first_s: float = FIRST_S, most_s: float = MOST_S) -> None:
        self.tries = 0
        self._first_s = first_s
        self._most_s = most_s

    def next_s(self, ran_s: float, chance: float | None = None) -> float:
        """Return how long to wait after an attempt that ran for `ran_s` seconds.

        `ran_s` counts seconds in which media moved; 0 for an attempt that never came so far.
        `chance` is a number from 0 to 1, drawn unless given.
        """
        if ran_s >= GOOD_RUN_S:
            self.tries = 0
        whole_s = min(self._first_s * 2.0**self.tries, self._most_s)
        self.tries = min(self.tries + 1, _DOUBLINGS)
        chance = random.random() if chance is None else chance  # noqa: S311 (no secret)
        return whole_s * (1 - chance / 2)

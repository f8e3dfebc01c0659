"""How long to wait before trying again: longer each time, and not all at the same moment."""

from __future__ import annotations

import random
from typing import Final

FIRST_S: Final = 1.0
MOST_S: Final = 30.0
_GOOD_RUN_S: Final = 60.0


class Backoff:
    """Waits of 1 s, 2 s, 4 s … 30 s, each shortened by up to a half by chance.

    Many that lost the same server do not all come back in the same moment. After a minute of good
    running the next wait is short again. `chance` is a number from 0 to 1.
    """

    def __init__(self) -> None:
        self._tries = 0

    def next_s(self, ran_s: float, chance: float | None = None) -> float:
        """Return how long to wait after an attempt that ran for `ran_s` seconds."""
        if ran_s >= _GOOD_RUN_S:
            self._tries = 0
        whole_s = min(FIRST_S * 2.0**self._tries, MOST_S)
        self._tries = min(self._tries + 1, 16)
        chance = random.random() if chance is None else chance  # noqa: S311 (no secret)
        return whole_s * (1 - chance / 2)

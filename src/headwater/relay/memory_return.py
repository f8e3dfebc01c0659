"""Gives memory back to the system once a crowd of peers has come or left."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

_CROWD = 500
"""So many connections must have begun or ended before it is worth a look: each has taken about
5 kB, and each reader that began with a key frame more on its way."""
_CALM = 10
"""So many may come and go between two looks in what counts as calm."""
_FEW_PRESENT = 500
"""With more, a look through all that lives takes longer than media should wait: 100 ms and more
with 10,000 sessions."""

_MUCH_BYTES = 8 << 20
"""So much that publishers left behind is worth a look as well."""
_REST_S = 10.0
"""Publishers that come and go all the time are no reason to look all the time."""


class Garbage(IntEnum):
    """Which unreachable objects are looked for: Python's generations up to this one."""

    YOUNG = 1
    ALL = 2


@dataclass(slots=True)
class Turnover:
    """How many peers came and how many went since the start, counted by every way in."""

    came: int = 0
    went: int = 0


class MemoryReturn:
    """Collects what peers left behind, in a calm moment, and hands free pages to the system.

    Both happen by themselves in time, but only while something else is allocated: after an attack
    the memory would stay taken until the next one. A collection takes some 10 ms, which is why
    one is made only where hundreds of connections have begun or ended since the last, or what
    publishers left behind was much, and few come and go. While many are here only what was made
    lately is collected; all is, once they have left.
    """

    def __init__(
        self,
        turnover: Turnover,
        left_bytes: Callable[[], int],
        release: Callable[[Garbage], None] | None = None,
    ) -> None:
        """`left_bytes` says how much publishers have left behind since the start."""
        self._turnover = turnover
        self._left_bytes = left_bytes
        self._release = release or release_memory
        self._seen_at_return = 0
        self._seen = 0
        self._left_bytes_at_return = 0
        self._returned_s = -_REST_S

    def check(self, now: float) -> None:
        """See whether it is time; called about once a second."""
        seen = self._turnover.came + self._turnover.went
        passed, self._seen = seen - self._seen, seen
        left_bytes = self._left_bytes()
        much_left = (
            left_bytes - self._left_bytes_at_return >= _MUCH_BYTES
            and now - self._returned_s >= _REST_S
        )
        if (much_left or self._seen - self._seen_at_return >= _CROWD) and passed <= _CALM:
            self._seen_at_return = self._seen
            self._left_bytes_at_return = left_bytes
            self._returned_s = now
            present = self._turnover.came - self._turnover.went
            self._release(Garbage.ALL if present <= _FEW_PRESENT else Garbage.YOUNG)


def release_memory(garbage: Garbage = Garbage.ALL) -> None:
    """Free unreachable objects, then return free pages where the C library can (glibc)."""
    gc.collect(garbage)
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    trim.argtypes, trim.restype = (ctypes.c_size_t,), ctypes.c_int
    return trim

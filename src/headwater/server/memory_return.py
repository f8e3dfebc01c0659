"""Gives memory back to the system once a crowd of peers has come or left."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.server.service import Service

_CROWD = 500
"""So many connections must have begun or ended before it is worth a look: each has taken about
5 kB, and each reader that began with a key frame more on its way."""
_CALM = 10
"""So many may come and go between two looks in what counts as calm."""


class MemoryReturn:
    """Collects what peers left behind, in a calm moment, and hands free pages to the system.

    Both happen by themselves in time, but only while something else is allocated: after an attack
    the memory would stay taken until the next one. A collection takes some 10 ms, which is why
    one is made only where hundreds of connections have begun or ended since the last, and few come
    and go.
    """

    def __init__(self, service: Service, release: Callable[[], None] | None = None) -> None:
        self._service = service
        self._release = release or release_memory
        self._seen_at_return = 0
        self._seen = 0

    def check(self, _now: float) -> None:
        """Look; called about once a second."""
        opened = self._service.counters.connections_opened
        ended = opened - len(self._service.connections)
        passed, self._seen = opened + ended - self._seen, opened + ended
        if self._seen - self._seen_at_return >= _CROWD and passed <= _CALM:
            self._seen_at_return = self._seen
            self._release()


def release_memory() -> None:
    """Free unreachable objects, then return free pages where the C library can (glibc)."""
    gc.collect()
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

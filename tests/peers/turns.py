"""One at a time, among processes that run tests side by side."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_LOOK_EVERY_S = 0.05


class Turns:
    """Those who name the same file take turns."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until nobody else has the turn, and have it."""
        with self._file.open("w") as claim:
            while not _taken(claim.fileno()):  # noqa: ASYNC110 - other processes tell nothing
                await asyncio.sleep(_LOOK_EVERY_S)
            yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""One walk over the whole server for all who ask for it at about the same time."""

from __future__ import annotations

import asyncio

from headwater.api.answers import in_turns
from headwater.api.view import ServerView
from headwater.control.status import ServerStatus

_FRESH_S = 1.0


class SharedStatus:
    """The status of the server, at most a second old."""

    def __init__(self, view: ServerView) -> None:
        self._view = view
        self._lock = asyncio.Lock()
        self._status: ServerStatus | None = None

    async def status(self) -> ServerStatus:
        """Return it; who asks while it is read waits for the same one."""
        async with self._lock:
            status = self._status
            if status is None or self._view.clock_s() - status.clock_s > _FRESH_S:
                status = self._status = await in_turns(self._view.status())
            return status

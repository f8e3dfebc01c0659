"""One walk over the whole server for all who ask for it at about the same time."""

from __future__ import annotations

import asyncio

from headwater.api.view import ServerView
from headwater.control.figures import ServerFigures

_FRESH_S = 1.0


class SharedFigures:
    """The figures of the server, at most a second old."""

    def __init__(self, view: ServerView) -> None:
        self._view = view
        self._lock = asyncio.Lock()
        self._figures: ServerFigures | None = None

    async def figures(self) -> ServerFigures:
        """Return them; who asks while they are read waits for the same."""
        async with self._lock:
            figures = self._figures
            if figures is None or self._view.clock_s() - figures.status.clock_s > _FRESH_S:
                figures = self._figures = await self._view.figures()
            return figures

"""Begins a coroutine at once, and makes a task of it only where it has to wait.

Nearly every request is answered without waiting for anything. A task for each would cost much of
what the answer costs, and a turn of the loop in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any


def begin(work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run `work` up to its first wait; return the task that does the rest, None if none is left.

    Up to that wait it runs in no task, so it must not begin `asyncio.timeout` before. What it
    raises before the wait is raised here.
    """
    try:
        awaited = work.send(None)
    except StopIteration:
        return None
    return asyncio.get_running_loop().create_task(_Begun(work, awaited))


class _Begun(Coroutine[Any, Any, None]):
    """A coroutine that waits already, to be driven by a task as if the task had begun it."""

    def __init__(self, work: Coroutine[Any, Any, None], awaited: object) -> None:
        self._work = work
        # What it waits for, until the task has been told.
        self._awaited: object = awaited
        self._told = False

    def send(self, value: Any) -> Any:
        """Go on; the first time tell what it waits for."""
        if self._told:
            return self._work.send(value)
        self._told = True
        awaited, self._awaited = self._awaited, None
        return awaited

    def throw(self, *error: Any) -> Any:
        """Raise an error in the work."""
        if not self._told:
            self._told = True
            # A task that is cancelled cancels what it waits for, of which this one knows nothing.
            if isinstance(self._awaited, asyncio.Future):
                self._awaited.cancel()
            self._awaited = None
        return self._work.throw(*error)

    def close(self) -> None:
        """End the work where it stands."""
        self._work.close()

    def __await__(self) -> Generator[Any, Any, None]:
        """Drive the work from another coroutine."""
        return self._work.__await__()

"""Waits for the end of tasks that speak with other machines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Final

_CANCEL_AGAIN_S: Final = 0.25


async def until_ended(tasks: Callable[[], Collection[asyncio.Task[Any]]], within_s: float) -> None:
    """Return when there is no task left, asked for anew each time, or none but the caller's own.

    Those that are not done `within_s` are cancelled, as often as it takes: `asyncio.wait_for` of
    Python 3.11, by which redis-py writes, forgets that it was cancelled while its work was done.
    """
    loop, own = asyncio.get_running_loop(), asyncio.current_task()
    until_s = loop.time() + within_s
    while left := [task for task in tasks() if task is not own]:
        left_s = until_s - loop.time()
        if left_s <= 0:
            for task in left:
                task.cancel()
            left_s = _CANCEL_AGAIN_S
        await asyncio.wait(left, timeout=left_s)

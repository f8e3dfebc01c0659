"""Notifications on their way to hooks: in order per mount, bounded, never waited for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from headwater.hooks.table import HookPoint


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing to tell."""

    point: HookPoint
    payload: tuple[object, ...]


class NotificationQueue:
    """Delivers notifications: one at a time per key, keys beside each other.

    At most `max_pending` wait, twice as many with those that tell an end, so that what a start
    has set up is torn down even after a stall. At most `max_running` are delivered at once; a
    delivery's own time-out begins when its turn has come.
    """

    def __init__(
        self,
        deliver: Callable[[Notification], Awaitable[None]],
        *,
        max_pending: int,
        max_running: int,
    ) -> None:
        self._deliver = deliver
        self.max_pending = max_pending
        """It may be changed at any time."""
        self._turn = asyncio.Semaphore(max_running)
        self._waiting: dict[Hashable, deque[Notification]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending = 0
        self._closed = False

    @property
    def pending_count(self) -> int:
        """Notifications that are waiting or being delivered."""
        return self._pending

    def put(self, key: Hashable, notification: Notification) -> bool:
        """Queue one; False when there is no room for it or the queue is closed."""
        room = self.max_pending * (2 if notification.point.tells_an_end else 1)
        if self._closed or self._pending >= room:
            return False
        self._pending += 1
        queue = self._waiting.get(key)
        if queue is not None:
            queue.append(notification)
            return True
        self._waiting[key] = deque([notification])
        task = asyncio.get_running_loop().create_task(self._drain(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def aclose(self, grace_s: float) -> list[str]:
        """Deliver what is waiting for at most `grace_s` seconds, then cut the rest off.

        Returns the names of the hooks that were cut off, in no order.
        """
        self._closed = True
        try:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=grace_s)
        finally:
            left = [n.point.name for queue in self._waiting.values() for n in queue]
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return left

    async def _drain(self, key: Hashable) -> None:
        queue = self._waiting[key]
        try:
            while queue:
                async with self._turn:
                    await self._deliver(queue[0])
                queue.popleft()
                self._pending -= 1
        finally:
            self._pending -= len(queue)
            del self._waiting[key]

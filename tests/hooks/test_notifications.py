"""Notifications: ordered per key, bounded, cut off at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from headwater.hooks.notifications import Notification, NotificationQueue
from headwater.hooks.table import HOOK_BY_NAME

DEADLINE_S = 10.0


def _note(name: str, *payload: object) -> Notification:
    return Notification(HOOK_BY_NAME[name], payload)


class _Receiver:
    """Takes deliveries; holds those whose payload is in `held` until `release`."""

    def __init__(self, *held: object) -> None:
        self.taken: list[object] = []
        self.held = set(held)
        self.release = asyncio.Event()
        self.running = 0
        self.most_running = 0

    async def deliver(self, notification: Notification) -> None:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if notification.payload[0] in self.held:
                await self.release.wait()
            self.taken.append(notification.payload[0])
        finally:
            self.running -= 1


def _queue(receiver: _Receiver, *, max_pending: int = 9, max_running: int = 9) -> NotificationQueue:
    return NotificationQueue(receiver.deliver, max_pending=max_pending, max_running=max_running)


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def test_one_key_in_order_and_keys_beside_each_other() -> None:
    receiver = _Receiver("a1")
    queue = _queue(receiver)
    for key, name in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3"), ("b", "b2")]:
        assert queue.put(key, _note("mount_opened", name))
    assert queue.pending_count == 5
    await _until(lambda: len(receiver.taken) == 2)
    assert receiver.taken == ["b1", "b2"]
    receiver.release.set()
    assert await queue.aclose(DEADLINE_S) == []
    assert receiver.taken == ["b1", "b2", "a1", "a2", "a3"]
    assert queue.pending_count == 0


async def test_a_key_that_was_drained_starts_again() -> None:
    receiver = _Receiver()
    queue = _queue(receiver)
    for name in ("one", "two"):
        queue.put("a", _note("mount_opened", name))
        await _until(lambda: not queue.pending_count)
    assert receiver.taken == ["one", "two"]


async def test_full_queue_refuses_starts_before_ends() -> None:
    receiver = _Receiver("x")
    queue = _queue(receiver, max_pending=2)
    assert [queue.put("a", _note("mount_opened", "x")) for _ in range(3)] == [True, True, False]
    assert [queue.put("a", _note("mount_closed", "y")) for _ in range(3)] == [True, True, False]
    receiver.release.set()
    await queue.aclose(DEADLINE_S)
    assert receiver.taken == ["x", "x", "y", "y"]


async def test_at_most_so_many_run_at_once() -> None:
    receiver = _Receiver(*range(10))
    queue = _queue(receiver, max_pending=10, max_running=3)
    for key in range(10):
        queue.put(key, _note("mount_opened", key))
    await _until(lambda: receiver.running == 3)
    receiver.release.set()
    await queue.aclose(DEADLINE_S)
    assert receiver.most_running == 3
    assert sorted(map(str, receiver.taken)) == sorted(map(str, range(10)))


async def test_close_cuts_off_what_takes_too_long() -> None:
    receiver = _Receiver("slow")
    queue = _queue(receiver)
    queue.put("a", _note("mount_closed", "slow"))
    queue.put("a", _note("mount_opened", "behind"))
    queue.put("b", _note("mount_opened", "quick"))
    assert await queue.aclose(0.05) == ["mount_closed", "mount_opened"]
    assert receiver.taken == ["quick"]
    assert (queue.pending_count, receiver.running) == (0, 0)
    assert not queue.put("a", _note("mount_opened", "after"))


async def test_cancelled_close_cuts_off_too() -> None:
    receiver = _Receiver("slow")
    queue = _queue(receiver)
    queue.put("a", _note("mount_closed", "slow"))
    closing = asyncio.create_task(queue.aclose(DEADLINE_S))
    await _until(lambda: receiver.running)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await _until(lambda: not receiver.running)
    assert queue.pending_count == 0

"""The thread that encodes: the newest goes before the oldest, and failures end in words."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from operator import contains

import pytest
from waiting import holds

from headwater.libav.encoding.encode_thread import HANGS_AFTER_S, EncodeThread


class Work:
    """Takes one item at a time, when the test lets it."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, item: int) -> None:
        self.begun.set()
        assert self.go_on.wait(20)
        self.done.append(item)


async def test_the_newest_item_takes_the_place_of_what_waits() -> None:
    work = Work()
    thread = EncodeThread(work, most_waiting=1, name="test")
    thread.put(1)
    assert await asyncio.to_thread(work.begun.wait, 20)
    for item in (2, 3, 4):
        thread.put(item)
    work.go_on.set()
    await thread.finish(lambda: work.done.append(99), 20)
    assert work.done == [1, 4, 99]
    assert thread.passed_over == 2


async def test_what_was_given_before_the_end_is_worked_at_and_nothing_after() -> None:
    work = Work()
    work.go_on.set()
    thread = EncodeThread(work, most_waiting=10, name="test")
    for item in range(5):
        thread.put(item)
    await thread.finish(lambda: None, 20)
    thread.put(5)
    assert work.done == [0, 1, 2, 3, 4]
    assert thread.passed_over == 1


async def test_the_end_of_one_that_never_began_does_nothing() -> None:
    thread = EncodeThread(Work(), most_waiting=1, name="test")
    await thread.finish(lambda: pytest.fail("nothing was encoded"), 20)


async def test_failures_are_logged_and_the_third_in_a_row_is_a_problem() -> None:
    items: list[int] = []

    def fails(item: int) -> None:
        items.append(item)
        if item != 2:
            raise ZeroDivisionError("no pixels")

    thread = EncodeThread(fails, most_waiting=1, name="test")
    for item in range(6):
        thread.put(item)
        await holds(partial(contains, items, item))
        await holds(lambda: thread._busy_since_s is None)
    assert thread.problem == "its encoder fails: ZeroDivisionError: no pixels"
    thread.put(6)
    assert thread.passed_over == 1


async def test_one_that_does_not_return_is_a_problem() -> None:
    work = Work()
    now = [0.0]
    thread = EncodeThread(work, most_waiting=1, name="test", clock=lambda: now[0])
    thread.put(1)
    assert await asyncio.to_thread(work.begun.wait, 20)
    now[0] = HANGS_AFTER_S + 1
    thread.put(2)
    assert thread.problem == "its encoder does not return, for 5 s now"
    work.go_on.set()

"""Tasks end within their time, also such as forget that they were cancelled."""

from __future__ import annotations

import asyncio

from headwater.cluster.node.endings import until_ended

LONG_S = 3600.0


async def test_what_ends_by_itself_is_waited_for_with_what_it_began() -> None:
    tasks: set[asyncio.Task[None]] = set()
    done: list[str] = []

    def do(name: str, then: str = "") -> None:
        task = asyncio.create_task(work(name, then))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def work(name: str, then: str) -> None:
        await asyncio.sleep(0)
        done.append(name)
        if then:
            do(then)

    do("first", "second")
    await until_ended(lambda: tasks, LONG_S)
    assert done == ["first", "second"]


async def test_a_task_that_forgets_that_it_was_cancelled_is_cancelled_again() -> None:
    cancelled = 0

    async def forgetful() -> None:
        nonlocal cancelled
        while cancelled < 2:
            try:
                await asyncio.sleep(LONG_S)
            except asyncio.CancelledError:
                cancelled += 1

    task = asyncio.create_task(forgetful())
    await asyncio.sleep(0)
    await until_ended(lambda: [] if task.done() else [task], 0.0)
    assert task.done()
    assert cancelled == 2


async def test_whoever_waits_does_not_wait_for_itself() -> None:
    tasks: list[asyncio.Task[None]] = []

    async def work() -> None:
        await until_ended(lambda: tasks, LONG_S)

    tasks.append(asyncio.create_task(work()))
    await asyncio.wait_for(tasks[0], 10)
    assert not tasks[0].cancelled()

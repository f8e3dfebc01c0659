"""A coroutine that is begun at once, and goes on as a task only where it waits."""

from __future__ import annotations

import asyncio

import pytest

from headwater.transports.begun_work import begin


async def test_what_waits_for_nothing_is_done_at_once_and_makes_no_task() -> None:
    said: list[str] = []

    async def say(word: str) -> None:
        said.append(word)

    async def work() -> None:
        await say("one")
        await say("two")

    assert begin(work()) is None
    assert said == ["one", "two"]


async def test_what_waits_goes_on_as_a_task() -> None:
    said: list[object] = []
    first: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        said.append("begun")
        said.append(await first)
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await asyncio.sleep(0.001)
        said.append(asyncio.current_task())

    task = begin(work())
    assert task is not None
    assert said == ["begun"]
    first.set_result("waited")
    await task
    assert said == ["begun", "waited", task]


async def test_an_error_is_raised_by_begin_or_behind_the_wait_by_the_task() -> None:
    async def work(*, waits: bool) -> None:
        if waits:
            await asyncio.sleep(0)
        raise LookupError("nothing")

    with pytest.raises(LookupError):
        begin(work(waits=False))
    task = begin(work(waits=True))
    assert task is not None
    with pytest.raises(LookupError):
        await task


@pytest.mark.parametrize("turns", [0, 1], ids=["before its first step", "while it waits"])
async def test_a_cancelled_wait_is_called_off_in_the_work(turns: int) -> None:
    ended: list[str] = []
    waited_for: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        try:
            await waited_for
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            ended.append("cleaned up")
            raise

    task = begin(work())
    assert task is not None
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["cleaned up"]
    assert waited_for.cancelled()


async def test_work_may_outlive_a_wait_that_is_called_off() -> None:
    said: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            said.append("called off")
        await asyncio.sleep(0)
        said.append("done")

    task = begin(work())
    assert task is not None
    await asyncio.sleep(0)
    task.cancel()
    await task
    assert said == ["called off", "done"]

"""Daemon threads for plain hooks."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from headwater.hooks import threads as threads_module
from headwater.hooks.threads import HookExitError, HookThreads, ThreadsStuckError

DEADLINE_S = 10.0


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """What hung functions wait for; set at the end so that no thread outlives its test."""
    event = threading.Event()
    yield event
    event.set()


class _Hanging:
    """A function that hangs until released, and tells when it has begun."""

    def __init__(self, released: threading.Event) -> None:
        self._released = released
        self._loop = asyncio.get_running_loop()
        self.begun = asyncio.Event()

    def __call__(self) -> str:
        self._loop.call_soon_threadsafe(self.begun.set)
        self._released.wait(DEADLINE_S)
        return "late"


async def _hang(threads: HookThreads, released: threading.Event) -> asyncio.Task[str]:
    hanging = _Hanging(released)
    task = asyncio.create_task(threads.run(hanging))
    await asyncio.wait_for(hanging.begun.wait(), DEADLINE_S)
    return task


async def _hang_and_give_up(threads: HookThreads, released: threading.Event) -> None:
    task = await _hang(threads, released)
    task.cancel()
    await asyncio.wait({task}, timeout=DEADLINE_S)
    assert task.cancelled()


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def test_value_and_thread() -> None:
    threads = HookThreads("t", max_threads=2, max_stuck=1)
    name, daemon = await threads.run(
        lambda: (threading.current_thread().name, threading.current_thread().daemon)
    )
    assert (name, daemon) == ("t", True)
    threads.close()


async def test_arguments_and_context_are_handed_on() -> None:
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(7)
    threads = HookThreads("t", max_threads=1, max_stuck=1)
    assert await threads.run(lambda a, b: (a, b, variable.get()), 1, 2) == (1, 2, 7)
    threads.close()


@pytest.mark.parametrize("error", [ValueError("x"), StopAsyncIteration()])
async def test_exceptions_come_back(error: Exception) -> None:
    threads = HookThreads("t", max_threads=1, max_stuck=1)

    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        await threads.run(fail)
    threads.close()


async def test_stop_iteration_cannot_end_the_coroutine() -> None:
    threads = HookThreads("t", max_threads=1, max_stuck=1)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await threads.run(lambda: next(iter(())))
    threads.close()


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
async def test_calls_for_the_programs_end_are_contained(error: type[BaseException]) -> None:
    threads = HookThreads("t", max_threads=1, max_stuck=1)

    def leave() -> None:
        raise error

    with pytest.raises(HookExitError, match=f"it raised {error.__name__}"):
        await threads.run(leave)
    assert await threads.run(lambda: 1) == 1
    threads.close()


async def test_idle_thread_is_used_again() -> None:
    threads = HookThreads("t", max_threads=4, max_stuck=1)
    used = set()
    for _ in range(5):
        used.add(await threads.run(threading.get_ident))
        # A thread tells its result a little before it is idle.
        await _until(lambda: threads._idle == 1)
    assert (len(used), threads.counts().alive) == (1, 1)
    threads.close()
    await _until(lambda: threads.counts().alive == 0)


async def test_idle_thread_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_module, "_IDLE_S", 0.01)
    threads = HookThreads("t", max_threads=1, max_stuck=1)
    await threads.run(lambda: None)
    await _until(lambda: threads.counts().alive == 0)
    assert await threads.run(lambda: 1) == 1


async def test_more_calls_than_threads_wait_their_turn(released: threading.Event) -> None:
    threads = HookThreads("t", max_threads=1, max_stuck=0)
    hanging = await _hang(threads, released)
    waiting = asyncio.create_task(threads.run(lambda: "next"))
    await asyncio.sleep(0)
    assert threads.counts().alive == 1
    released.set()
    assert await hanging == "late"
    assert await waiting == "next"
    threads.close()


async def test_a_call_given_up_before_it_began_never_runs(released: threading.Event) -> None:
    threads = HookThreads("t", max_threads=1, max_stuck=0)
    hanging = await _hang(threads, released)
    ran: list[int] = []
    waiting = asyncio.create_task(threads.run(ran.append, 1))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    released.set()
    await hanging
    await threads.run(ran.append, 2)
    assert ran == [2]
    threads.close()


async def test_a_stuck_thread_is_replaced(released: threading.Event) -> None:
    threads = HookThreads("t", max_threads=1, max_stuck=1)
    await _hang_and_give_up(threads, released)
    assert threads.counts().stuck == 1
    assert await threads.run(lambda: 1) == 1
    assert threads.counts().alive == 2
    released.set()
    await _until(lambda: threads.counts().stuck == 0)
    await _until(lambda: threads.counts().alive == 1)
    threads.close()


async def test_calls_waiting_behind_a_stuck_thread_get_a_new_one(
    released: threading.Event,
) -> None:
    threads = HookThreads("t", max_threads=1, max_stuck=1)
    hanging = await _hang(threads, released)
    waiting = asyncio.create_task(threads.run(lambda: "next"))
    await asyncio.sleep(0)
    hanging.cancel()
    assert await asyncio.wait_for(waiting, DEADLINE_S) == "next"
    threads.close()


async def test_with_every_thread_stuck_calls_are_refused_at_once(
    released: threading.Event,
) -> None:
    threads = HookThreads("t", max_threads=1, max_stuck=1)
    await _hang_and_give_up(threads, released)
    await _hang_and_give_up(threads, released)
    with pytest.raises(ThreadsStuckError, match="all 2 threads are stuck"):
        await threads.run(lambda: 1)
    released.set()
    await _until(lambda: threads.counts().stuck == 0)
    assert await threads.run(lambda: 1) == 1
    threads.close()


async def test_no_thread_to_be_had(
    released: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    threads = HookThreads("t", max_threads=2, max_stuck=1)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(ThreadsStuckError, match="no thread could be started"):
            await threads.run(lambda: 1)
        assert threads.counts().alive == 0
    hanging = await _hang(threads, released)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        # One thread is at work and will come free: the call waits for that one.
        waiting = asyncio.create_task(threads.run(lambda: "next"))
        await asyncio.sleep(0)
    released.set()
    assert await waiting == "next"
    await hanging
    threads.close()


async def test_frames_of_a_running_call(released: threading.Event) -> None:
    threads = HookThreads("t", max_threads=1, max_stuck=1)
    task = await _hang(threads, released)
    names = [frame.f_code.co_name for frame in threads.frames_of(task)]
    assert "__call__" in names
    current = asyncio.current_task()
    assert current is not None
    assert threads.frames_of(current) == []
    released.set()
    await task
    threads.close()


def test_result_for_a_closed_loop_is_let_go(released: threading.Event) -> None:
    threads = HookThreads("t", max_threads=1, max_stuck=1)

    async def give_up() -> None:
        await _hang_and_give_up(threads, released)

    asyncio.run(give_up())
    released.set()

    async def again() -> object:
        return await threads.run(lambda: 1)

    assert asyncio.run(again()) == 1
    threads.close()


def test_hung_thread_does_not_hold_interpreter_exit() -> None:
    program = """
import asyncio, threading
from headwater.hooks.threads import HookThreads
async def main():
    threads = HookThreads("t", max_threads=1, max_stuck=1)
    begun = threading.Event()
    def hang():
        begun.set()
        threading.Event().wait()
    task = asyncio.create_task(threads.run(hang))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    print("leaving")
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout) == (0, "leaving\n")

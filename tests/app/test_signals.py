"""Signals reach the loop, whatever loop it is, and go back to whoever had them."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from headwater.app.signals import ENDING_SIGNALS, signals_taken

try:
    import uvloop
except ImportError:
    LOOPS: list[Any] = [asyncio.SelectorEventLoop]
else:
    LOOPS = [asyncio.SelectorEventLoop, uvloop.new_event_loop]

DEADLINE_S = 20
OTHER: signal.Signals | None = getattr(signal, "SIGUSR1", None)

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a coroutine on each loop that is here; the program's handlers are as before it."""
    before = [signal.getsignal(number) for number in ENDING_SIGNALS]
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner.run
    assert [signal.getsignal(number) for number in ENDING_SIGNALS] == before
    assert signal.set_wakeup_fd(-1) == -1


def send_from_a_thread(number: signal.Signals) -> None:
    """From another thread, so that the loop sleeps when it comes."""
    threading.Timer(0.02, signal.raise_signal, [number]).start()


async def next_of(came: asyncio.Queue[int]) -> int:
    async with asyncio.timeout(DEADLINE_S):
        return await came.get()


@pytest.mark.parametrize("number", ENDING_SIGNALS)
def test_a_signal_wakes_a_loop_that_sleeps(run: Run, number: signal.Signals) -> None:
    async def program() -> None:
        came: asyncio.Queue[int] = asyncio.Queue()
        with signals_taken(ENDING_SIGNALS, came.put_nowait):
            for _ in range(3):
                send_from_a_thread(number)
                assert await next_of(came) == number

    run(program())


def test_handlers_of_the_program_are_given_back(run: Run) -> None:
    """Those of the interpreter and those of the loop, for the signals taken and for others."""

    async def program() -> None:
        loop = asyncio.get_running_loop()
        assert OTHER is not None
        own: asyncio.Queue[int] = asyncio.Queue()
        ours: asyncio.Queue[int] = asyncio.Queue()
        for number in (signal.SIGTERM, OTHER):
            loop.add_signal_handler(number, own.put_nowait, int(number))
        former = signal.signal(signal.SIGINT, lambda number, _: own.put_nowait(number))
        try:
            with signals_taken(ENDING_SIGNALS, ours.put_nowait):
                for number in ENDING_SIGNALS:
                    send_from_a_thread(number)
                    assert await next_of(ours) == number
                send_from_a_thread(OTHER)
                assert await next_of(own) == OTHER
            for number in (*ENDING_SIGNALS, OTHER):
                signal.raise_signal(number)
                assert await next_of(own) == number
            assert (own.qsize(), ours.qsize()) == (0, 0)
        finally:
            signal.signal(signal.SIGINT, former)
            for number in (signal.SIGTERM, OTHER):
                loop.remove_signal_handler(number)

    if OTHER is None:
        pytest.skip("loops take no signals here")
    run(program())


def test_nobody_takes_signals_outside_the_main_thread() -> None:
    errors: list[BaseException] = []

    async def take() -> None:
        with signals_taken(ENDING_SIGNALS, print):
            pass

    def run_here() -> None:
        try:
            asyncio.run(take())
        except (ValueError, RuntimeError) as error:
            errors.append(error)

    thread = threading.Thread(target=run_here)
    thread.start()
    thread.join(DEADLINE_S)
    assert len(errors) == 1

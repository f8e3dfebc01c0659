"""Signals reach the loop, also where the loop takes none itself, as on Windows."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from headwater.app.signals import ENDING_SIGNALS, signals_taken

DEADLINE_S = 20


@pytest.fixture(params=["loop", "interpreter"])
async def taker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who takes the signals: the loop, or the interpreter because the loop refuses."""
    if request.param == "interpreter":
        monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", _refuse)
    return str(request.param)


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """What was there before is there again."""
    before = [signal.getsignal(number) for number in ENDING_SIGNALS]
    yield
    assert [signal.getsignal(number) for number in ENDING_SIGNALS] == before
    assert signal.set_wakeup_fd(-1) == -1


@pytest.mark.usefixtures("taker")
@pytest.mark.parametrize("number", ENDING_SIGNALS)
async def test_a_signal_wakes_a_loop_that_sleeps(number: signal.Signals) -> None:
    came: asyncio.Queue[int] = asyncio.Queue()
    with signals_taken(ENDING_SIGNALS, came.put_nowait):
        for _ in range(3):
            # From another thread, so that the loop sleeps when it comes.
            threading.Timer(0.02, signal.raise_signal, [number]).start()
            async with asyncio.timeout(DEADLINE_S):
                assert await came.get() == number


async def test_nobody_takes_signals_outside_the_main_thread(taker: str) -> None:
    errors: list[BaseException] = []

    async def take() -> None:
        if taker == "interpreter":
            loop = asyncio.get_running_loop()
            loop.add_signal_handler = _refuse  # type: ignore[method-assign]
        with signals_taken(ENDING_SIGNALS, print):
            pass

    def run() -> None:
        try:
            asyncio.run(take())
        except (ValueError, RuntimeError) as error:
            errors.append(error)

    await asyncio.to_thread(run)
    assert len(errors) == 1


def _refuse(*_: Any) -> None:
    raise NotImplementedError

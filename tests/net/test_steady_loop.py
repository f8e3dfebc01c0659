"""A clock that leaves out what the process slept through, and timers that go by it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from headwater.net.second_look import second_looks
from headwater.net.steady_loop import SteadyLoop

BEAT_S = 1.0
MOST_LATE_S = 0.5


class HandClock:
    """The clock of the running loop, which a test puts forward."""

    def __init__(self) -> None:
        self.now = 1000.0
        asyncio.get_running_loop().time = self  # type: ignore[method-assign]

    def __call__(self) -> float:
        return self.now

    async def awake(self, seconds: float) -> None:
        """Let time pass while the loop turns."""
        for _ in range(round(seconds / 0.25)):
            self.now += 0.25
            await turns()

    async def asleep(self, seconds: float) -> None:
        """Let time pass while the loop stands still, then let it turn."""
        self.now += seconds
        await turns()


async def turns() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


@pytest.fixture
async def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def steady(clock: HandClock) -> AsyncIterator[SteadyLoop]:
    steady = SteadyLoop(asyncio.get_running_loop())
    steady.start()
    yield steady
    steady.stop()


async def test_time_passes_while_the_loop_turns(clock: HandClock, steady: SteadyLoop) -> None:
    began_s = steady.time()
    await clock.awake(10.0)
    assert steady.time() - began_s == 10.0
    assert (steady.standstills, steady.stood_still_s) == (0, 0.0)


@pytest.mark.parametrize("awake_s", [0.0, 0.25, 0.75])
async def test_no_time_passes_while_the_process_stands_still(
    clock: HandClock, steady: SteadyLoop, awake_s: float
) -> None:
    await clock.awake(2.0 + awake_s)
    before_s = steady.time()
    await clock.asleep(12.0)
    assert 0.0 <= steady.time() - before_s <= BEAT_S + MOST_LATE_S
    assert steady.standstills == 1
    await clock.awake(5.0)
    assert 5.0 <= steady.time() - before_s <= 5.0 + BEAT_S + MOST_LATE_S


async def test_whoever_reads_it_first_sees_no_jump(clock: HandClock, steady: SteadyLoop) -> None:
    before_s = steady.time()
    seen = []
    for _ in range(40):
        # One callback that takes long, during which the clock is read: no beat can come.
        clock.now += 0.25
        seen.append(steady.time())
    assert seen == sorted(seen)
    assert seen[-1] == before_s + BEAT_S + MOST_LATE_S
    await turns()
    assert steady.time() == seen[-1]


async def test_late_by_less_is_no_standstill(clock: HandClock, steady: SteadyLoop) -> None:
    await clock.asleep(BEAT_S + MOST_LATE_S - 0.1)
    assert steady.stood_still_s == 0.0


async def test_timers_wait_for_time_that_passed_awake(clock: HandClock, steady: SteadyLoop) -> None:
    called: list[str] = []
    steady.call_later(3.0, called.append, "late")
    cancelled = steady.call_later(3.0, called.append, "never")
    await clock.asleep(3600.0)
    assert called == []
    cancelled.cancel()
    await clock.awake(3.0)
    assert called == ["late"]


async def test_each_standstill_is_told_once(
    clock: HandClock, steady: SteadyLoop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await clock.awake(1.0)
    await clock.asleep(12.0)
    await clock.awake(5.0)
    told = [vars(record)["seconds"] for record in caplog.records]
    assert told == [pytest.approx(12.0, abs=BEAT_S)]
    assert caplog.records[0].levelno == logging.WARNING


async def test_without_a_beat_the_clock_is_the_loop_s(clock: HandClock) -> None:
    steady = SteadyLoop(asyncio.get_running_loop())
    called: list[str] = []
    steady.call_later(2.0, called.append, "due")
    await clock.asleep(12.0)
    assert (steady.time(), called) == (clock.now, ["due"])
    steady.start()
    steady.start()
    await clock.asleep(12.0)
    stood_still_s = steady.stood_still_s
    assert stood_still_s > 0
    steady.stop()
    steady.stop()
    await clock.asleep(100.0)
    assert (steady.stood_still_s, steady.time()) == (stood_still_s, clock.now - stood_still_s)


async def test_how_the_loop_beneath_tells_errors_is_told() -> None:
    loop = asyncio.get_running_loop()
    assert (second_looks(SteadyLoop(loop)) is None) == (second_looks(loop) is None)

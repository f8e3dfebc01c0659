"""One call of one hook: what it costs when it goes wrong."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from logged import event_of

from headwater.hooks.errors import HookFailed, HookTimedOut
from headwater.hooks.isolation import HookCounters, HookIsolation, without_secret
from headwater.hooks.registry import Hooks
from headwater.hooks.threads import HookThreads

DEADLINE_S = 10.0


class _OfTheOwner(BaseException):
    """An exception that is no `Exception`."""


class _Bench:
    """A HookIsolation with a short time-out and the counters of one hook."""

    def __init__(self, *, timeout_s: float, max_threads: int = 2) -> None:
        self.threads = HookThreads("t", max_threads=max_threads, max_stuck=0)
        self.isolation = HookIsolation(
            self.threads, side="play", timeout_s=timeout_s, clock=time.monotonic
        )
        self.counters = HookCounters()
        self.released = threading.Event()

    async def call(self, function: Callable[..., Any], *payload: object, secret: str = "") -> Any:
        (hook,) = Hooks(client_close=function).registered("client_close")
        return await self.isolation.call(
            hook, payload or ("m", "s"), self.counters, fields={"mount": "/a"}, secret=secret
        )


@pytest.fixture
async def bench() -> AsyncIterator[_Bench]:
    bench = _Bench(timeout_s=DEADLINE_S)
    yield bench
    bench.threads.close()


@pytest.fixture
async def hasty() -> AsyncIterator[_Bench]:
    bench = _Bench(timeout_s=0.05, max_threads=1)
    yield bench
    bench.released.set()
    bench.threads.close()


async def test_async_and_plain_functions_answer(bench: _Bench) -> None:
    async def async_hook(mount: object, session: object) -> tuple[object, object]:
        return mount, session

    def plain_that_hands_on(mount: object, session: object) -> object:
        return async_hook(mount, session)

    assert await bench.call(async_hook) == ("m", "s")
    assert await bench.call(lambda mount: mount) == "m"
    assert await bench.call(plain_that_hands_on) == ("m", "s")
    assert bench.counters == HookCounters(calls=3)


async def test_plain_functions_leave_the_loops_thread(bench: _Bench) -> None:
    assert await bench.call(lambda *_: threading.get_ident()) != threading.get_ident()


async def test_exception_is_logged_with_its_traceback(
    bench: _Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(mount: object) -> None:
        raise LookupError("no such row")

    with pytest.raises(HookFailed, match="hook client_close raised LookupError") as info:
        await bench.call(broken)
    assert (info.value.status, info.value.hook) == (500, "client_close")
    (record,) = caplog.records
    assert record.__dict__["hook"] == "client_close"
    assert record.__dict__["side"] == "play"
    assert record.__dict__["mount"] == "/a"
    assert 'raise LookupError("no such row")' in caplog.text
    assert bench.counters == HookCounters(calls=1, failures=1)


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize(
    "error",
    [
        SystemExit,
        KeyboardInterrupt,
        GeneratorExit,
        _OfTheOwner,
        asyncio.CancelledError,
        TimeoutError,
    ],
)
async def test_whatever_a_hook_raises_is_its_failure(
    bench: _Bench, error: type[BaseException], is_async: bool
) -> None:
    def plain(mount: object) -> None:
        raise error

    async def coroutine(mount: object) -> None:
        raise error

    def plain_that_hands_on(mount: object) -> object:
        return coroutine(mount)

    with pytest.raises(HookFailed):
        await bench.call(coroutine if is_async else plain)
    with pytest.raises(HookFailed):
        await bench.call(plain_that_hands_on)
    assert bench.counters.failures == 2


async def test_time_out_goes_by_the_clock_that_was_given(bench: _Bench) -> None:
    """A process that stood still comes back to timers that are due; its own clock knows better."""
    # The first and the last are for how long it took.
    seconds = iter([0.0, 0.0, 0.0, 0.0, 0.0, 60.0, 60.0])
    threads = bench.threads
    isolation = HookIsolation(threads, side="play", timeout_s=0.01, clock=lambda: next(seconds))
    (hook,) = Hooks(client_close=lambda: asyncio.Event().wait()).registered("client_close")
    with pytest.raises(HookTimedOut):
        await isolation.call(hook, (), bench.counters, fields={})
    assert next(seconds, None) is None


async def test_hung_async_hook_times_out_and_the_log_says_where(
    hasty: _Bench, caplog: pytest.LogCaptureFixture
) -> None:
    ended = asyncio.Event()

    async def hang(mount: object) -> None:
        try:
            await asyncio.Event().wait()  # it hangs here
        finally:
            ended.set()

    with pytest.raises(HookTimedOut, match=r"took longer than 0\.05 s") as info:
        await hasty.call(hang)
    assert info.value.status == 503
    assert "it hangs here" in caplog.text
    assert hasty.counters == HookCounters(calls=1, timeouts=1)
    await asyncio.wait_for(ended.wait(), DEADLINE_S)


async def test_hook_that_swallows_its_cancellation_holds_nobody(hasty: _Bench) -> None:
    goes_on = asyncio.Event()
    ended = asyncio.Event()

    async def stubborn(mount: object) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await goes_on.wait()
            ended.set()

    with pytest.raises(HookTimedOut):
        await hasty.call(stubborn)
    goes_on.set()
    await asyncio.wait_for(ended.wait(), DEADLINE_S)


async def test_hung_plain_hook_times_out_and_the_log_says_where(
    hasty: _Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def hang(mount: object) -> None:
        hasty.released.wait(DEADLINE_S)  # it hangs here

    with pytest.raises(HookTimedOut):
        await hasty.call(hang)
    assert "it hangs here" in caplog.text
    # Its thread is the only one and is not replaced here, so that the next call has none.
    with pytest.raises(HookTimedOut, match="all 1 threads are stuck"):
        await hasty.call(lambda *_: 1)
    assert hasty.counters == HookCounters(calls=2, timeouts=2)


async def test_cancelled_caller_cancels_the_hook(bench: _Bench) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang(mount: object) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    caller = asyncio.create_task(bench.call(hang))
    await asyncio.wait_for(begun.wait(), DEADLINE_S)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await asyncio.wait_for(ended.wait(), DEADLINE_S)
    assert bench.counters == HookCounters(calls=1)


async def test_failure_after_the_time_out_is_not_reported_by_asyncio(
    hasty: _Bench, caplog: pytest.LogCaptureFixture
) -> None:
    raised = asyncio.Event()

    async def late(mount: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raised.set()
            raise LookupError("late")

    with pytest.raises(HookTimedOut):
        await hasty.call(late)
    await asyncio.wait_for(raised.wait(), DEADLINE_S)
    await asyncio.sleep(0)
    assert [event_of(record) for record in caplog.records] == ["hook timed out"]


async def test_cancel_all_ends_what_still_runs(bench: _Bench) -> None:
    begun = asyncio.Event()

    async def hang(mount: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    caller = asyncio.create_task(bench.call(hang))
    await asyncio.wait_for(begun.wait(), DEADLINE_S)
    bench.isolation.cancel_all()
    with pytest.raises(HookFailed, match="was cancelled from inside"):
        await caller


async def test_password_in_an_exception_stays_out_of_the_log(
    bench: _Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def leaky(password: str) -> None:
        raise LookupError(f"bad password {password}")

    with pytest.raises(HookFailed) as info:
        await bench.call(leaky, "hunter2", secret="hunter2")
    assert "hunter2" not in caplog.text + str(info.value)
    assert "LookupError (its text is left out" in caplog.text
    assert "in leaky" in caplog.text


class _UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def _noted(error: BaseException) -> BaseException:
    error.add_note("tried hunter2")
    return error


def _chained(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    cause.__context__ = error
    return error


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (ValueError("x"), True),
        (ValueError("hunter2"), False),
        (KeyError("hunter2"), False),
        (_noted(ValueError("x")), False),
        (_chained(ValueError("x"), ValueError("hunter2")), False),
        (_chained(ValueError("x"), ValueError("y")), True),
        (BaseExceptionGroup("g", [ValueError("hunter2")]), False),
        (_UnprintableError(), True),
    ],
)
def test_secret_is_looked_for_wherever_a_traceback_prints(error: BaseException, kept: bool) -> None:
    shown = without_secret(error, "hunter2")
    assert (shown is error) is kept
    assert without_secret(error, "") is error

"""Daemon threads for plain hooks: bounded, and a hook that hangs takes no room from the others."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

from headwater.hooks.stack import thread_frames

_IDLE_S = 30.0


class ThreadsStuckError(Exception):
    """Every thread that may exist is held by a hook that overran its time-out."""


class HookExitError(Exception):
    """A hook called for the end of the program: contained, like any other failure of a hook."""


@dataclass(frozen=True, slots=True)
class ThreadCounts:
    """Threads of plain hooks: alive (stuck ones included), held by calls that were given up, and
    how many there may be at most."""

    alive: int
    stuck: int
    most: int


class _Job:
    """One call of a plain function, and the future that gets (value, exception)."""

    __slots__ = ("call", "future", "loop", "stuck", "thread_id")

    def __init__(self, call: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.call = call
        self.loop = loop
        self.future: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
        self.thread_id: int | None = None
        self.stuck = False


class HookThreads:
    """Runs plain functions in daemon threads, started as needed and ended when idle.

    Daemon threads, because Python's own executors wait at interpreter exit for the thread of a
    hook that never returns. A call that is given up while it runs keeps its thread, which then
    no longer counts against `max_threads`; up to `max_stuck` of them are replaced in this way.
    """

    def __init__(self, name: str, *, max_threads: int, max_stuck: int) -> None:
        self._name = name
        self._max_threads = max_threads
        self.max_stuck = max_stuck
        """It may be changed at any time."""
        self._changed = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._threads = 0
        self._idle = 0
        self._stuck = 0
        self._job_by_task: dict[asyncio.Task[Any] | None, _Job] = {}
        self._closed = False

    def counts(self) -> ThreadCounts:
        """Return the threads as they are now."""
        return ThreadCounts(
            alive=self._threads, stuck=self._stuck, most=self._max_threads + self.max_stuck
        )

    async def run(self, function: Callable[..., Any], *arguments: object) -> Any:
        """Call the function in a thread; returns and raises what it does.

        Cancelling gives the call up: one that has not begun never does, one that runs is left
        behind. Raises ThreadsStuckError when no thread can ever come free, HookExitError for
        SystemExit and the like.
        """
        context = contextvars.copy_context()
        job = _Job(lambda: context.run(function, *arguments), asyncio.get_running_loop())
        self._submit(job)
        task = asyncio.current_task()
        self._job_by_task[task] = job
        try:
            value, error = await job.future
        except asyncio.CancelledError:
            self._give_up(job)
            raise
        finally:
            del self._job_by_task[task]
        if error is None:
            return value
        if isinstance(error, Exception):
            raise error
        raise HookExitError(f"it raised {type(error).__name__}") from error

    def frames_of(self, task: asyncio.Task[Any]) -> list[FrameType]:
        """Return the frames of the function that this task waits for; empty if there is none."""
        job = self._job_by_task.get(task)
        with self._changed:
            thread_id = None if job is None else job.thread_id
        return [] if thread_id is None else thread_frames(thread_id)

    def close(self) -> None:
        """Let idle threads end; calls under way or waiting are finished first."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _submit(self, job: _Job) -> None:
        with self._changed:
            room = self._max_threads + min(self._stuck, self.max_stuck)
            if self._stuck >= room:
                raise ThreadsStuckError(f"all {self._threads} threads are stuck")
            self._jobs.append(job)
            if self._idle >= len(self._jobs):
                self._changed.notify()
            elif self._threads < room:
                self._start_thread(job)

    def _start_thread(self, job: _Job) -> None:
        thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        self._threads += 1
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more threads to give
            self._threads -= 1
            if self._threads == self._stuck:
                self._jobs.remove(job)
                raise ThreadsStuckError("no thread could be started") from error

    def _give_up(self, job: _Job) -> None:
        with self._changed:
            if job.thread_id is not None:
                job.stuck = True
                self._stuck += 1
            elif job in self._jobs:
                self._jobs.remove(job)
            # The replacement is started by the next submit; those already waiting need one now.
            room = self._max_threads + min(self._stuck, self.max_stuck)
            if self._jobs and not self._idle and self._threads < room:
                self._start_thread(self._jobs[0])

    def _work(self) -> None:
        while True:
            with self._changed:
                job = self._next_job()
                if job is None:
                    self._threads -= 1
                    return
                job.thread_id = threading.get_ident()
            outcome = _outcome(job.call)
            with self._changed:
                job.thread_id = None
                if job.stuck:
                    self._stuck -= 1
                surplus = self._threads > self._max_threads + min(self._stuck, self.max_stuck)
                if surplus:
                    self._threads -= 1
            _deliver(job, outcome)
            del job, outcome
            if surplus:
                return

    def _next_job(self) -> _Job | None:
        while not self._jobs:
            if self._closed:
                return None
            self._idle += 1
            woken = self._changed.wait(_IDLE_S)
            self._idle -= 1
            if not woken and not self._jobs:
                return None
        return self._jobs.popleft()


def _outcome(call: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return call(), None
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever awaits the call
        return None, error


def _deliver(job: _Job, outcome: tuple[Any, BaseException | None]) -> None:
    def settle() -> None:
        if not job.future.done():
            job.future.set_result(outcome)

    try:
        job.loop.call_soon_threadsafe(settle)
    except RuntimeError:
        # The loop has closed: nobody is left to be told.
        return

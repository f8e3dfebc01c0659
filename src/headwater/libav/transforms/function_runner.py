"""Where a program's function runs: on a thread of its own, or in a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from queue import SimpleQueue
from typing import Protocol

from headwater.libav.decoding.frame import Frame

Function = Callable[[Frame], object]
"""Returns a picture, or None where none is to be shown."""


class FunctionRunner(Protocol):
    """Calls a function with one frame after another."""

    async def call(self, frame: Frame) -> object:
        """Return what the function returns, and raise what it raises."""

    def close(self) -> None:
        """Call it no more; what it is at now is left to itself."""


class FunctionThread:
    """Calls it on a thread. The thread is a daemon: a function that never returns harms nobody."""

    def __init__(self, function: Function, name: str) -> None:
        self._function = function
        self._name = name
        self._frames: SimpleQueue[tuple[Frame, Future[object]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def call(self, frame: Frame) -> object:
        """Have the thread call it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        made: Future[object] = Future()
        self._frames.put((frame, made))
        return await asyncio.wrap_future(made)

    def close(self) -> None:
        """End the thread after what it is at."""
        self._frames.put(None)

    def _run(self) -> None:
        while (given := self._frames.get()) is not None:
            frame, made = given
            if not made.set_running_or_notify_cancel():
                continue
            try:
                made.set_result(self._function(frame))
            except BaseException as error:  # noqa: BLE001 - the caller's, whatever it is
                made.set_exception(error)


class FunctionProcess:
    """Calls it in a process, which is started anew where it dies.

    The function is imported there by its name, so it belongs to a module; frames are copied.
    """

    def __init__(self, function: Function) -> None:
        self._function = function
        self._pool: ProcessPoolExecutor | None = None

    async def call(self, frame: Frame) -> object:
        """Have the process call it."""
        if self._pool is None:
            # A process that forks while threads run may hang.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, self._function, frame)
        except BrokenProcessPool:
            self.close()
            raise

    def close(self) -> None:
        """End the process, whatever it is at."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        processes = dict(getattr(pool, "_processes", None) or {})
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes.values():
            process.terminate()

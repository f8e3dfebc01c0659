"""An event loop on a thread of its own: what works on it serves every kind of test."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

FORKED = (
    "{name} runs in process {pid}, and this process was forked off from it: it has no thread of"
    " its own for it. Start another one here, or make processes by multiprocessing with the start"
    ' method "spawn"'
)
"""What is said to a process that was forked off, and asks a thread that it does not have."""

_LEAVE_S = 5.0
"""How long what still runs may take to end, when the loop stops."""


class OwnLoop:
    """Runs coroutines for other threads, from `start` to `stop`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process_id = 0

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None

    def start(self) -> None:
        """Start the thread."""
        if self._thread is not None:
            raise RuntimeError(f"{self._name} runs already")
        self._process_id = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(self._loop,), daemon=True)
        self._thread.name = self._name
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and return its result; wait for it meanwhile."""
        if self._loop is None or self._thread is None:
            work.close()
            raise RuntimeError(f"{self._name} is not running: start it, or use it by `with`")
        if self._process_id != os.getpid():
            work.close()
            raise RuntimeError(FORKED.format(name=self._name, pid=self._process_id))
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError(f"called from the thread of {self._name}, which would never answer")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def call(self, function: Callable[[], T]) -> T:
        """Call a function on the loop's thread and return what it returns."""

        async def called() -> T:
            return function()

        return self.run(called())

    def stop(self) -> None:
        """End the thread; a second call does nothing."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if self._process_id != os.getpid():
            # The thread is another process's.
            return
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_forever()
        finally:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            if left:
                # They give back what they hold, such as a session by TEARDOWN.
                loop.run_until_complete(asyncio.wait(left, timeout=_LEAVE_S))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

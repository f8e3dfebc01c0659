"""Questions to another process whose answers come later, by number."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any


class Questions:
    """The futures of answers that are awaited."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    def new(self, deadline_s: float) -> tuple[int, asyncio.Future[Any]]:
        """Return a number for a question, and what its answer will be in.

        After `deadline_s` the wait raises TimeoutError.
        """
        number = next(self._numbers)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting[number] = future
        late = TimeoutError("no answer in time")
        timer = loop.call_later(deadline_s, self.fail, number, late)

        def forget(_: asyncio.Future[Any]) -> None:
            timer.cancel()
            self._waiting.pop(number, None)

        future.add_done_callback(forget)
        return number, future

    def answer(self, number: int, value: object) -> bool:
        """Give an answer to whoever waits for it; False where nobody does any more."""
        future = self._waiting.get(number)
        if future is None or future.done():
            return False
        future.set_result(value)
        return True

    def fail(self, number: int, error: Exception) -> None:
        """Tell whoever waits for an answer why there is none."""
        future = self._waiting.get(number)
        if future is not None and not future.done():
            future.set_exception(error)

    def give_up(self, error: Exception) -> None:
        """Tell everybody that no answer will come."""
        for number in tuple(self._waiting):
            self.fail(number, error)


def plain_error(error: Exception) -> Exception:
    """Return an error that another process can take: of a kind that everybody has."""
    for kind in (ValueError, OSError, RuntimeError):
        if isinstance(error, kind):
            return kind(str(error))
    return RuntimeError(f"{type(error).__name__}: {error}")

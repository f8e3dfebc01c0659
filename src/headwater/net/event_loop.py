"""What this room and those above it use of an event loop."""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop, BaseEventLoop
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A call that has been arranged for later."""

    def cancel(self) -> object:
        """Call it off; after it ran or was called off, nothing happens."""


class EventLoop(Protocol):
    """The part of asyncio's event loop that sockets need. Times are seconds of its clock.

    A socket is watched by its descriptor: of one that it does not know yet, Python 3.11's loop
    writes a description, which asks the kernel for both addresses.
    """

    @property
    def time(self) -> Callable[[], float]:
        """The clock, which only grows."""

    @property
    def call_soon(self) -> Callable[..., object]:
        """Call a function in the loop's next turn."""

    @property
    def call_later(self) -> Callable[..., Timer]:
        """Call a function in so many seconds."""

    @property
    def add_reader(self) -> Callable[..., object]:
        """Call a function whenever the socket of a descriptor can be read."""

    @property
    def remove_reader(self) -> Callable[[int], object]:
        """Undo `add_reader`."""

    @property
    def add_writer(self) -> Callable[..., object]:
        """Call a function whenever the socket of a descriptor can be written."""

    @property
    def remove_writer(self) -> Callable[[int], object]:
        """Undo `add_writer`."""


def clock_of(loop: AbstractEventLoop) -> Callable[[], float]:
    """Return a loop's clock; of asyncio's own loops the clock that they ask themselves."""
    asked = loop.time
    return time.monotonic if getattr(asked, "__func__", None) is BaseEventLoop.time else asked

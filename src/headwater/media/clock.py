"""Time as the data plane sees it: handed in, so that tests can move it by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Clock = Callable[[], float]
"""Seconds that only grow, such as `loop.time` or `time.monotonic`."""


class Timer(Protocol):
    """A call that has been arranged for later."""

    def cancel(self) -> object:
        """Call it off; after it ran or was called off, nothing happens."""


class CallLater(Protocol):
    """Arranges a call, such as `loop.call_later`."""

    def __call__(self, delay: float, callback: Callable[[], None], /) -> Timer:
        """Call `callback` once, `delay` seconds from now."""


class CallSoon(Protocol):
    """Arranges a call in one of the loop's next turns, such as `loop.call_soon`."""

    def __call__(self, callback: Callable[[], None], /) -> object:
        """Call `callback` once, and never at once."""

"""How late the event loop comes to what is due: the first sign of a server with too much to do."""

from __future__ import annotations

from typing import Final

from headwater.histogram import OF_WAITING_S, Histogram
from headwater.media.clock import Timer
from headwater.net.steady_loop import SteadyLoop

_INTERVAL_S: Final = 0.25


class LoopLag:
    """Looks four times a second how late the loop is."""

    def __init__(self, loop: SteadyLoop) -> None:
        self.histogram = Histogram(OF_WAITING_S)
        self._loop = loop
        self._due_s = 0.0
        self._timer: Timer | None = None

    def start(self) -> None:
        """Begin to look."""
        self._due_s = self._loop.time() + _INTERVAL_S
        self._timer = self._loop.call_later(_INTERVAL_S, self._look)

    def stop(self) -> None:
        """Look no more; a second call does nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self.histogram.add(max(0.0, self._loop.time() - self._due_s))
        self.start()

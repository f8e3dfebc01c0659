"""How late the event loop comes to what is due: the first sign of a server with too much to do."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from headwater.media.clock import Timer
from headwater.net.steady_loop import SteadyLoop

_INTERVAL_S: Final = 0.25
_BOUNDS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Histogram:
    """Counts values by upper bounds: plain integers, read by whoever wants."""

    def __init__(self, name: str, doc: str, bounds: Sequence[float]) -> None:
        self.name = name
        self.doc = doc
        self.sum = 0.0
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self._counts)

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def cumulated(self) -> Iterator[tuple[str, int]]:
        """Yield each bound, as text, with how many values were not above it."""
        total = 0
        for bound, count in zip((*self._bounds, None), self._counts, strict=True):
            total += count
            yield "+Inf" if bound is None else f"{bound:g}", total


class LoopLag:
    """Looks four times a second how late the loop is."""

    def __init__(self, loop: SteadyLoop) -> None:
        self.histogram = Histogram(
            "loop_lag_seconds", "How late the event loop came to what was due.", _BOUNDS_S
        )
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

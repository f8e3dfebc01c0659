"""Values counted by upper bounds: plain integers, which whoever wants may read."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

OF_WAITING_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Bounds for what should take no time."""
OF_ANSWERS_S: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds for what others answer."""


class Histogram:
    """Counts values. It has no more memory than its bounds, however many there are.

    Attributes:
        sum: all values added up.
    """

    __slots__ = ("_bounds", "_counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
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

    def copy(self) -> Histogram:
        """Return one that has counted the same."""
        same = Histogram(self._bounds)
        same.add_all(self)
        return same

    def add_all(self, other: Histogram) -> None:
        """Count what another of the same bounds has counted."""
        for at, count in enumerate(other._counts):
            self._counts[at] += count
        self.sum += other.sum

    def cumulated(self) -> Iterator[tuple[str, int]]:
        """Yield each bound, as text, with how many values were not above it."""
        total = 0
        for bound, count in zip((*self._bounds, None), self._counts, strict=True):
            total += count
            yield "+Inf" if bound is None else f"{bound:g}", total


def total_of(histograms: Sequence[Histogram]) -> Histogram:
    """Return what several of the same bounds have counted together."""
    total = histograms[0].copy()
    for each in histograms[1:]:
        total.add_all(each)
    return total

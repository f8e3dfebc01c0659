"""Values counted by upper bounds."""

from __future__ import annotations

from headwater.histogram import Histogram


def test_buckets_count_what_is_not_above_them() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.add(value)
    assert list(histogram.cumulated()) == [("0.1", 2), ("1", 3), ("+Inf", 4)]
    assert (histogram.count, histogram.sum) == (4, 7.65)

"""Histograms, and how late the loop is."""

from __future__ import annotations

import asyncio

from udp_peer import wait_for

from headwater.api.loop_lag import Histogram, LoopLag
from headwater.net.steady_loop import SteadyLoop


def test_buckets_count_what_is_not_above_them() -> None:
    histogram = Histogram("x", "X.", (0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.add(value)
    assert list(histogram.cumulated()) == [("0.1", 2), ("1", 3), ("+Inf", 4)]
    assert (histogram.count, histogram.sum) == (4, 7.65)


async def test_the_loop_is_looked_at_until_the_stop() -> None:
    lag = LoopLag(SteadyLoop(asyncio.get_running_loop()))
    lag.start()
    await wait_for(lambda: lag.histogram.count == 2)
    lag.stop()
    assert lag.histogram.sum >= 0

"""How late the loop is."""

from __future__ import annotations

import asyncio

from udp_peer import wait_for

from headwater.control.loop_lag import LoopLag
from headwater.net.steady_loop import SteadyLoop


async def test_the_loop_is_looked_at_until_the_stop() -> None:
    lag = LoopLag(SteadyLoop(asyncio.get_running_loop()))
    lag.start()
    await wait_for(lambda: lag.histogram.count == 2)
    lag.stop()
    assert lag.histogram.sum >= 0

"""Publish until all is sent or somebody asks to stop, trying again whatever goes away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from headwater.cli.failures import CommandFailed
from headwater.cli.publish.attempt import Attempt
from headwater.cli.publish.display import Display
from headwater.cli.publish.order import PublishOrder
from headwater.client.back_off import BackOff
from headwater.libav.remux.reports import Ended
from headwater.libav.remux.urls import is_local_file

_MOST_WAIT_S: Final = 30.0
_SAY_AGAIN_S: Final = 600.0
"""How often the same trouble is told while it lasts."""


async def publish(
    order: PublishOrder,
    stop_asked: asyncio.Event,
    display: Display,
    *,
    back_off: BackOff | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Publish; raises CommandFailed when it cannot go on.

    What fails before the first packet fails at once: a typing mistake is not tried for ever. Later
    a source without an end, or one that goes round, is tried again for as long as the order says.
    """
    back_off = back_off or BackOff(most_s=_MOST_WAIT_S)
    tries_again = order.loop or not is_local_file(order.source)
    gone_since_s: float | None = None
    has_sent = False
    told = _Told(display, clock)
    while True:
        attempt = Attempt(order, display.show)
        began_s = clock()
        ended = await attempt.run(stop_asked)
        if ended is None:
            display.end("stopped")
            return
        if not ended.failure:
            display.end("sent")
            return
        if attempt.progress.packets:
            has_sent = True
            gone_since_s = None
        gone_since_s = clock() if gone_since_s is None else gone_since_s
        if not (has_sent and tries_again):
            raise _failure(ended, display)
        wait_s = back_off.next_s(clock() - began_s if attempt.progress.packets else 0.0)
        gone_s = clock() + wait_s - gone_since_s
        if order.give_up_after_s and gone_s > order.give_up_after_s:
            raise _failure(ended, display, after_s=order.give_up_after_s)
        told.trouble(ended.failure)
        try:
            async with asyncio.timeout(wait_s):
                await stop_asked.wait()
        except TimeoutError:
            continue
        display.end("stopped")
        return


def _failure(ended: Ended, display: Display, *, after_s: float = 0.0) -> CommandFailed:
    display.end("")
    gone = f"gave up after {after_s:g} s without a source and a server: " if after_s else ""
    return CommandFailed(gone + ended.failure, remedy=ended.remedy)


class _Told:
    """Trouble is told once, and again when it lasts or changes."""

    def __init__(self, display: Display, clock: Callable[[], float]) -> None:
        self._display = display
        self._clock = clock
        self._last = ""
        self._last_s = 0.0

    def trouble(self, what: str) -> None:
        now_s = self._clock()
        if what != self._last or now_s - self._last_s >= _SAY_AGAIN_S:
            self._display.say(f"{what}; trying again")
            self._last, self._last_s = what, now_s

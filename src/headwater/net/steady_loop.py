"""The event loop as the server sees it: while the process stands still, no time passes.

A process is stopped (SIGSTOP), a laptop's lid closes, a hypervisor gives the processor to others, a
write to the log meets a slow disk: when it goes on, every deadline has passed, though what peers
sent in time waits in the kernel. So such a stretch is left out of the clock that every deadline
goes by. All of them shift alike, and sockets are read before anybody is judged.
"""

from __future__ import annotations

import math
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Final

from headwater.log_pace import paced_logger
from headwater.net.event_loop import Timer, clock_of

logger = paced_logger(__name__)

_BEAT_S: Final = 1.0
"""How often the loop shows that it goes on."""
_MOST_LATE_S: Final = 0.5
"""A beat that comes later than this tells of a standstill."""
_EARLY_S: Final = 0.005
"""A loop's timers may be early by a tick of its clock."""


class SteadyLoop:
    """An asyncio loop with a clock of its own, whose timers go by that clock.

    From `start` to `stop` a beat comes once a second. Whoever reads the clock while the beat is
    overdue sees the time at which it was due, and a little more, until the loop beats again.

    Attributes:
        beneath: the loop.
        standstills: how often the process stood still.
        stood_still_s: for how many seconds in all.
        on_standstill: called as soon as the clock shows that the process stood still, before
            whoever reads it goes on; None for nobody.
    """

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.beneath = loop
        self.call_soon = loop.call_soon
        self.add_reader = loop.add_reader
        self.remove_reader = loop.remove_reader
        self.add_writer = loop.add_writer
        self.remove_writer = loop.remove_writer
        self.standstills = 0
        self.stood_still_s = 0.0
        self.on_standstill: Callable[[], None] | None = None
        self._time = clock_of(loop)
        self._told_s = 0.0
        self._late_at_s = math.inf
        self._beat_timer: Timer | None = None

    def start(self) -> None:
        """Begin to beat."""
        if self._beat_timer is None:
            self._schedule()

    def stop(self) -> None:
        """Beat no more: from now on the clock goes as the loop's does."""
        if self._beat_timer is not None:
            self._beat_timer.cancel()
            self._beat_timer = None
        self._late_at_s = math.inf

    def time(self) -> float:
        """Return seconds of the loop's clock, without those in which the process stood still."""
        now = self._time()
        if now > self._late_at_s:
            self.stood_still_s += now - self._late_at_s
            self._late_at_s = now
            if self.on_standstill is not None:
                self.on_standstill()
        return now - self.stood_still_s

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> Timer:
        """Call a function in so many seconds of this clock."""
        return _SteadyTimer(self, delay, callback, args)

    def _schedule(self) -> None:
        self._late_at_s = self._time() + _BEAT_S + _MOST_LATE_S
        self._beat_timer = self.beneath.call_later(_BEAT_S, self._beat)

    def _beat(self) -> None:
        self.time()
        stood_still_s, self._told_s = self.stood_still_s - self._told_s, self.stood_still_s
        if stood_still_s > 0:
            self.standstills += 1
            logger.warning(
                "the process stood still",
                extra={
                    "seconds": round(stood_still_s + _MOST_LATE_S, 1),
                    "cause": "it was stopped, or the machine slept or was too busy; all deadlines "
                    "were put off by as much",
                },
            )
        self._schedule()


class _SteadyTimer:
    """A call in so many seconds of the steady clock."""

    __slots__ = ("_args", "_callback", "_due_s", "_loop", "_timer")

    def __init__(
        self,
        loop: SteadyLoop,
        delay_s: float,
        callback: Callable[..., object],
        args: tuple[object, ...],
    ) -> None:
        self._loop = loop
        self._callback = callback
        self._args = args
        self._due_s = loop.time() + delay_s
        self._timer: Timer = loop.beneath.call_later(delay_s, self._look)

    def cancel(self) -> None:
        """Call it off."""
        self._timer.cancel()

    def _look(self) -> None:
        left_s = self._due_s - self._loop.time()
        if left_s > _EARLY_S:
            self._timer = self._loop.beneath.call_later(left_s, self._look)
        else:
            self._callback(*self._args)

"""What has to be looked at once a second, whether or not anything comes."""

from __future__ import annotations

from collections.abc import Callable

from headwater.log_pace import paced_logger
from headwater.media.clock import Timer
from headwater.net.steady_loop import SteadyLoop

logger = paced_logger(__name__)

_INTERVAL_S = 1.0


class Upkeep:
    """Runs the periodic work of every room on the server's loop, in the order it was given."""

    def __init__(self, loop: SteadyLoop) -> None:
        self._loop = loop
        self._steps: list[Callable[[float], None]] = []
        self._timer: Timer | None = None
        self._stood_still_s = 0.0
        self._waited = False

    def add(self, *steps: Callable[[float], None]) -> None:
        """Have each step called about once a second with the time of the server's clock."""
        self._steps.extend(steps)

    def start(self) -> None:
        """Start the periodic work."""
        self._loop.start()
        self._schedule()

    def stop(self) -> None:
        """Stop the periodic work; a second call does nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop.stop()

    def _schedule(self) -> None:
        self._timer = self._loop.call_later(_INTERVAL_S, self._tick)

    def _tick(self) -> None:
        self._schedule()
        now = self._loop.time()
        stood_still_s, self._stood_still_s = self._stood_still_s, self._loop.stood_still_s
        if stood_still_s != self._stood_still_s and not self._waited:
            # What peers sent meanwhile is read first: nobody is judged before the next tick.
            self._waited = True
            return
        self._waited = False
        for step in self._steps:
            try:
                step(now)
            except Exception:
                # One broken mount or session must not end everybody's time-outs.
                logger.exception("periodic work failed")

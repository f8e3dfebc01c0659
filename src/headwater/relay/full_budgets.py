"""Tells the owner once a second that a bound on what waits or is kept was met."""

from __future__ import annotations

from headwater.media.cache_budget import CacheBudget
from headwater.media.readers.start_room import StartRoom
from headwater.relay.limits import Limits
from headwater.transports.queue_budget import QueueBudget


class FullBudgets:
    """Watches the budgets that all peers share; those who use them up are not told one by one."""

    def __init__(
        self,
        limits: Limits,
        queues: dict[str, QueueBudget],
        cache: CacheBudget,
        room: StartRoom,
    ) -> None:
        """`queues` by the name of the setting that bounds each."""
        self._limits = limits
        self._queues = queues
        self._cache = cache
        self._refusals_told = dict.fromkeys(queues, 0)
        self._overflows_told = 0
        self._room = room
        self._late_told = 0

    def check(self, _now: float) -> None:
        """Count and log each budget that was used up since the last look."""
        for setting, budget in self._queues.items():
            if budget.refusals != self._refusals_told[setting]:
                self._refusals_told[setting] = budget.refusals
                cause = f"queues held {budget.most_bytes} bytes, the most that is allowed"
                self._limits.note(setting, "", cause)
        if self._cache.overflows != self._overflows_told:
            self._overflows_told = self._cache.overflows
            most_bytes = self._cache.most_bytes
            cause = f"the caches of all mounts held {most_bytes} bytes; the largest gave way"
            self._limits.note("limits.gop_cache_bytes_total", "", cause)
        if self._room.refusals != self._late_told:
            late, self._late_told = self._room.refusals - self._late_told, self._room.refusals
            cause = (
                f"{self._room.most_bytes} bytes waited for readers or were about to; {late} new "
                "ones began with the next key frame"
            )
            self._limits.note("limits.catch_up_bytes_total", "", cause)

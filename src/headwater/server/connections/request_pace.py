"""How fast one connection's requests are taken."""

from __future__ import annotations


class RequestPace:
    """One second's worth of requests at once, and more as time passes.

    It goes by when all that came so far would be done at this rate: nobody may be ahead of that by
    more than the second.
    """

    __slots__ = ("_ahead_s", "_done_s", "_each_s")

    def __init__(self, per_s: float, now: float) -> None:
        self._each_s = 1.0 / per_s
        self._ahead_s = max(1.0, self._each_s)
        self._done_s = now

    def wait_s(self, now: float, weight: int = 1) -> float:
        """Take one request, which counts as `weight`; how many seconds it must wait."""
        done_s = self._done_s
        if done_s < now:
            done_s = now
        self._done_s = done_s = done_s + weight * self._each_s
        wait_s = done_s - now - self._ahead_s
        return wait_s if wait_s > 0 else 0.0

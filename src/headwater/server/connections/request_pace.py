"""How fast one connection's requests are taken."""

from __future__ import annotations


class RequestPace:
    """A bucket that holds one second's worth of requests and fills at the same rate."""

    __slots__ = ("_most", "_per_s", "_room", "_seen_s")

    def __init__(self, per_s: float, now: float) -> None:
        self._per_s = per_s
        self._room = self._most = max(per_s, 1.0)
        self._seen_s = now

    def wait_s(self, now: float, weight: int = 1) -> float:
        """Take one request, which counts as `weight`; how many seconds it must wait."""
        room = self._room + (now - self._seen_s) * self._per_s
        self._seen_s = now
        if room > self._most:
            room = self._most
        self._room = room = room - weight
        return 0.0 if room >= 0 else -room / self._per_s

"""Which transport led where before."""

from __future__ import annotations

from collections import OrderedDict

from headwater.transports.settings import TransportKind

_MOST_REMEMBERED = 1024


class TransportMemory:
    """Which transport led here before, by URL: the others need not be tried again first."""

    def __init__(self) -> None:
        self._kinds: OrderedDict[str, TransportKind] = OrderedDict()

    def get(self, url: str) -> TransportKind | None:
        """Return what worked last with this URL."""
        return self._kinds.get(url)

    def note(self, url: str, kind: TransportKind) -> None:
        """Remember what works."""
        self._kinds[url] = kind
        self._kinds.move_to_end(url)
        if len(self._kinds) > _MOST_REMEMBERED:
            self._kinds.popitem(last=False)

    def forget(self, url: str) -> None:
        """Try all again: what worked once does not any more."""
        self._kinds.pop(url, None)

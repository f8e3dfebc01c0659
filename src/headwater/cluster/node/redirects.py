"""Which readers are sent to the node that has their mount, instead of taking it from there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from headwater.cluster.node.quirks import follows_redirects
from headwater.cluster.node.settings import ReaderWay
from headwater.cluster.registry.records import Lease, NodeRecord, can_host
from headwater.hooks import HookRequest
from headwater.protocol.method import Method

_SENT_BY_AUTO = 8
"""Readers of one mount that `auto` sends on within a minute; for more the mount is pulled."""
_WINDOW_S = 60.0
_BUSY_SHARE = 0.75
"""A node that uses more of its core gets no reader of others."""


class Redirects:
    """Decides about each reader that asks for a mount of another node by DESCRIBE."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: Counter[str] = Counter()
        self._began_s = 0.0

    def url_for(
        self, way: ReaderWay, asked: HookRequest, lease: Lease, holder: NodeRecord | None
    ) -> str | None:
        """Return where a reader is sent; None where the mount is to be pulled for it."""
        if way is ReaderWay.PULL or asked.method != Method.DESCRIBE or not lease.public_url:
            return None
        if holder is None or not can_host(holder) or holder.busy_share > _BUSY_SHARE:
            return None
        if not follows_redirects(asked.user_agent) or not self._has_turn(way, lease.tenure.path):
            return None
        query = f"?{asked.query}" if asked.query else ""
        return lease.public_url.rstrip("/") + _path_of(asked.uri) + query

    def _has_turn(self, way: ReaderWay, path: str) -> bool:
        if way is ReaderWay.REDIRECT:
            return True
        now = self._clock()
        if now - self._began_s >= _WINDOW_S:
            self._began_s = now
            self._sent.clear()
        self._sent[path] += 1
        return self._sent[path] <= _SENT_BY_AUTO


def _path_of(uri: str) -> str:
    """Return the path of a request's URI as it was written."""
    _, _, rest = uri.partition("://")
    path = rest[rest.find("/") :] if "/" in rest else ""
    return path.partition("?")[0]

"""Which readers are sent to the node that has their mount, instead of taking it from there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from headwater.cluster.node.placement import order_of
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
        if holder is None or not _takes_readers(holder) or not _can_be_sent(way, asked):
            return None
        if not lease.public_url or not self._has_turn(way, lease.tenure.path):
            return None
        return _at(lease.public_url, asked)

    def url_away(
        self,
        way: ReaderWay,
        asked: HookRequest,
        path: str,
        nodes: Mapping[str, NodeRecord],
        holder: str = "",
    ) -> str | None:
        """Return where a node that drains sends a reader; None where it is served as ever.

        To who has the mount, else to the node that the path picks: so all its readers meet there.
        """
        if not _can_be_sent(way, asked):
            return None
        fit = [node for node in order_of(path, nodes.values()) if _takes_readers(node)]
        fit.sort(key=lambda node: node.name != holder)
        return _at(fit[0].public_url, asked) if fit else None

    def _has_turn(self, way: ReaderWay, path: str) -> bool:
        if way is ReaderWay.REDIRECT:
            return True
        now = self._clock()
        if now - self._began_s >= _WINDOW_S:
            self._began_s = now
            self._sent.clear()
        self._sent[path] += 1
        return self._sent[path] <= _SENT_BY_AUTO


def _takes_readers(node: NodeRecord) -> bool:
    return can_host(node) and node.busy_share <= _BUSY_SHARE


def _can_be_sent(way: ReaderWay, asked: HookRequest) -> bool:
    """Return whether readers are sent on at all, and this one follows."""
    if way is ReaderWay.PULL or asked.method != Method.DESCRIBE:
        return False
    return follows_redirects(asked.user_agent)


def _at(public_url: str, asked: HookRequest) -> str:
    query = f"?{asked.query}" if asked.query else ""
    return public_url.rstrip("/") + _path_of(asked.uri) + query


def _path_of(uri: str) -> str:
    """Return the path of a request's URI as it was written."""
    _, _, rest = uri.partition("://")
    path = rest[rest.find("/") :] if "/" in rest else ""
    return path.partition("?")[0]

"""Which node is to fetch a source: the less loaded of two that the path itself picks.

All nodes come to the same answer without a word, since they see the same records. They may differ
for a moment; then two claim, and one gets the path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from headwater.cluster.registry.records import NodeRecord, can_host

_PICKED = 2


def order_of(path: str, nodes: Iterable[NodeRecord]) -> Sequence[NodeRecord]:
    """Return the nodes that can have a path, the one that is to take it first.

    Two are picked by a hash of path and name, and the less busy of them goes first. The others
    follow, for a path whose source these two do not know or cannot have.
    """
    ranked = sorted(filter(can_host, nodes), key=lambda node: _rank(path, node.name), reverse=True)
    picked, others = ranked[:_PICKED], ranked[_PICKED:]
    return sorted(picked, key=_load) + others


def _rank(path: str, name: str) -> bytes:
    return hashlib.blake2b(
        f"{name} {path}".encode(errors="surrogateescape"), digest_size=8
    ).digest()


def _load(node: NodeRecord) -> float:
    # In tenths: what two nodes use of their cores is never quite the same, and that is no reason.
    return round(node.busy_share, 1)

"""Makes a server a node of a cluster, where its settings say so."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headwater.cluster.node.settings import ClusterSettings
from headwater.cluster.registry.server_url import ServerUrl
from headwater.config.settings import Settings
from headwater.control.status import NodeStatus
from headwater.relay.relay import Relay

if TYPE_CHECKING:
    from headwater.cluster.member import Tell
    from headwater.cluster.node.cluster_node import ClusterNode
    from headwater.cluster.node.node_member import NodeMember
    from headwater.cluster.node.shared_registry import SharedRegistry
    from headwater.cluster.registry.redis_registry import RedisRegistry

MakeWay = Callable[[str], Coroutine[Any, Any, None]]
"""Ends a publisher of a path whose connection is gone."""


def open_registry(settings: Settings) -> RedisRegistry:
    """Return the registry of a cluster. Raises ValueError where what it needs is not installed."""
    try:
        # Loaded here: a server that is alone needs none of it.
        from headwater.cluster.registry.redis_registry import RedisRegistry
    except ImportError as error:
        raise ValueError(
            f"cluster.url is set, and needs a package that is not installed ({error}): "
            "in the folder of Headwater's source, pip install '.[cluster]'"
        ) from None
    chosen = settings.cluster
    return RedisRegistry(ServerUrl.of(chosen.url), chosen.name, ttl_s=chosen.lease_s)


def make_node(relay: Relay, settings: Settings, make_way: MakeWay) -> ClusterNode | None:
    """Return the node that a server is; None for one that is alone. Raises ValueError as above."""
    if not settings.cluster.url:
        return None
    registry = open_registry(settings)
    from headwater.cluster.node.cluster_node import ClusterNode

    return ClusterNode(relay, registry, named(settings), settings.sockets, make_way)


def named(settings: Settings) -> ClusterSettings:
    """Return the settings of a node with its name, which they may leave open."""
    chosen = settings.cluster
    port = settings.server.reader_port or secrets.token_hex(4)
    return replace(chosen, node=chosen.node or f"{socket.gethostname()}:{port}")


def make_node_of_worker(
    name: str,
    relay: Relay,
    settings: Settings,
    make_way: MakeWay,
    tell: Tell,
    fetcher_of: Callable[[str], str],
    session_mark: str,
) -> tuple[ClusterNode, NodeMember]:
    """Return the node as one of its workers has it, and the name space of that.

    `tell` says something to the supervisor.
    """
    from headwater.cluster.node.asked_registry import AskedRegistry
    from headwater.cluster.node.cluster_node import ClusterNode
    from headwater.cluster.node.node_member import NodeMember

    registry = AskedRegistry(lambda asked: tell(asked, None))
    node = ClusterNode(
        relay, registry, settings.cluster, settings.sockets, make_way, is_whole=False
    )
    member = NodeMember(
        name, relay, tell, settings.workers, fetcher_of, session_mark, node, registry
    )
    return node, member


def share_registry(settings: Settings) -> SharedRegistry | None:
    """Return the registry that a supervisor keeps for its workers, which are one node.

    None where the server is alone. Raises ValueError where what it needs is not installed.
    """
    if not settings.cluster.url:
        return None
    registry = open_registry(settings)
    from headwater.cluster.node.shared_registry import SharedRegistry

    return SharedRegistry(registry, settings.cluster.node)


def nodes_seen(node: ClusterNode | None) -> Iterator[NodeStatus]:
    """Yield the nodes that live, as each told of itself; none for a server that is alone."""
    if node is None:
        return
    now_unix_s = time.time()
    for name, record in sorted(node.all.items()):
        is_here = name == node.name
        told = node.record() if is_here and node.is_whole else record
        yield NodeStatus(
            name=name,
            is_here=is_here,
            state=told.state.value,
            version=told.version,
            uptime_s=max(0.0, now_unix_s - told.started_s),
            busy_share=told.busy_share,
            mounts=told.mounts,
            pulled_mounts=told.pulls,
            readers=told.readers,
            url=told.public_url or told.url,
            workers=told.workers,
        )

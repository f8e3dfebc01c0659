"""Makes a server a node of a cluster, where its settings say so."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headwater.cluster.registry.server_url import ServerUrl
from headwater.config.settings import Settings
from headwater.relay.relay import Relay

if TYPE_CHECKING:
    from headwater.cluster.node.cluster_node import ClusterNode
    from headwater.cluster.registry.redis_registry import RedisRegistry


def open_registry(settings: Settings) -> RedisRegistry:
    """Return the registry of a cluster. Raises ValueError where what it needs is not installed."""
    try:
        # Loaded here: a server that is alone needs none of it.
        from headwater.cluster.registry.redis_registry import RedisRegistry
    except ImportError as error:
        raise ValueError(
            f"cluster.url is set, and needs a package that is not installed ({error}): "
            "pip install 'headwater[cluster]'"
        ) from None
    chosen = settings.cluster
    return RedisRegistry(ServerUrl.of(chosen.url), chosen.name, ttl_s=chosen.lease_s)


def make_node(
    relay: Relay, settings: Settings, make_way: Callable[[str], Coroutine[Any, Any, None]]
) -> ClusterNode | None:
    """Return the node that a server is; None for one that is alone. Raises ValueError as above."""
    chosen = settings.cluster
    if not chosen.url:
        return None
    registry = open_registry(settings)
    from headwater.cluster.node.cluster_node import ClusterNode

    port = settings.server.reader_port or secrets.token_hex(4)
    named = replace(chosen, node=chosen.node or f"{socket.gethostname()}:{port}")
    return ClusterNode(relay, registry, named, settings.sockets, make_way)

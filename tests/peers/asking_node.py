"""One who asks a node for a mount as another node of the cluster does: by the claim it knows of."""

from __future__ import annotations

from cluster_rig import PASSWORD

from headwater.client.errors import RefusedError
from headwater.client.pull import Pull
from headwater.client.settings import ClientSettings
from headwater.client.surroundings import Surroundings
from headwater.client.target import Target
from headwater.net.settings import SocketSettings
from headwater.protocol.header.node_ask import NODE_HEADER, NodeAsk
from headwater.relay.relay import Relay


async def node_is_told(relay: Relay, url: str, epoch: int) -> int:
    """The status that it gets; `relay` is of any server on the loop, and gives it what it needs."""
    settings = ClientSettings(
        username="headwater-node", password=PASSWORD, digest_only=True, max_redirects=0
    )
    pull = Pull(
        Target.of(url, settings),
        settings,
        Surroundings.of(relay, SocketSettings()),
        headers=[(NODE_HEADER, NodeAsk("x", epoch).to_value())],
    )
    try:
        await pull.describe()
    except RefusedError as error:
        return error.status
    finally:
        pull.close()
    return 200

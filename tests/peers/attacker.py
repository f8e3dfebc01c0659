"""An attacker's connections: from an address of its own, let go of for good."""

from __future__ import annotations

from contextlib import suppress

from rtsp_peer import OPEN, RtspPeer

ATTACKER = "127.0.0.2"


async def connect(port: int, source: str = ATTACKER) -> RtspPeer:
    """A connection from an address of the attacker's own."""
    return await RtspPeer.connect(port, local_addr=(source, 0))


def drop(peer: RtspPeer) -> None:
    """Let go of a peer for good."""
    peer.abort()
    with suppress(ValueError):
        OPEN.remove(peer)

"""What tests of media that is made, remuxed, decoded or encoded share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from film import clip
from own_ports import own_port

from headwater import RtspServer

__all__ = ["clip", "server"]


@pytest.fixture
async def server() -> AsyncIterator[RtspServer]:
    """A server that runs."""
    async with RtspServer(
        host="127.0.0.1", publish_port=0, rtp_port_start=own_port(0), rtp_port_count=20
    ) as running:
        yield running

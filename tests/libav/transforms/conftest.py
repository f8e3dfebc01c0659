"""A server to transform frames on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from own_ports import own_port

from headwater import RtspServer


@pytest.fixture
async def server() -> AsyncIterator[RtspServer]:
    """A server that runs."""
    async with RtspServer(
        host="127.0.0.1", publish_port=0, rtp_port_start=own_port(0), rtp_port_count=20
    ) as running:
        yield running

"""A running server for each test, on ports of its own."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
from rtsp_peer import RtspPeer

from headwater import RtspServer

RTP_PORT_START = 42000


@pytest.fixture
async def server() -> AsyncIterator[RtspServer]:
    """One port for both roles, everything else as it comes."""
    async with RtspServer(
        host="127.0.0.1", publish_port=0, rtp_port_start=RTP_PORT_START, rtp_port_count=200
    ) as running:
        yield running
        RtspPeer.forget_all()


@pytest.fixture
async def two_port_server() -> AsyncIterator[RtspServer]:
    """Publishers and readers on ports of their own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        play_port = free.getsockname()[1]
    async with RtspServer(
        host="127.0.0.1",
        publish_port=0,
        play_port=play_port,
        rtp_port_start=RTP_PORT_START + 200,
        rtp_port_count=200,
    ) as running:
        yield running
        RtspPeer.forget_all()

"""Servers and bad links; every test's server is looked over for leaks at its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from faulty_link import FaultyLink, unusable
from inside import inside
from own_ports import own_port
from rtsp_peer import RtspPeer
from udp_peer import UdpPair

from headwater import Hooks, RtspServer
from headwater.config.settings import Settings

REASON = unusable()


class Told:
    """Events that the server's hooks set."""

    def __init__(self) -> None:
        self.published = asyncio.Event()
        self.unmounted = asyncio.Event()
        self.left = asyncio.Event()

    async def publisher_started(self) -> None:
        """A publisher records."""
        self.published.set()

    async def mount_closed(self) -> None:
        """A mount is gone."""
        self.unmounted.set()

    async def session_closed(self) -> None:
        """A reader's session is gone."""
        self.left.set()


@pytest.fixture
def link() -> Iterator[FaultyLink]:
    """A link to another network, in order until it is impaired."""
    if REASON is not None:
        pytest.skip(REASON)
    made = FaultyLink()
    yield made
    made.close()


@pytest.fixture
def told() -> Told:
    """What the server tells of as it happens."""
    return Told()


@pytest.fixture
def patience_s() -> float:
    """After how much silence somebody is gone; on a busy machine setting up takes its time."""
    return 60.0


@pytest.fixture
async def server(told: Told, patience_s: float) -> AsyncIterator[RtspServer]:
    """A server on every address."""
    base = Settings()
    settings = replace(
        base,
        sessions=replace(base.sessions, timeout_s=patience_s),
        mounts=replace(base.mounts, publisher_idle_timeout_s=patience_s, grace_s=0.0),
        limits=replace(base.limits, write_stall_timeout_s=patience_s),
    )
    server = RtspServer(
        host="0.0.0.0",
        publish_port=0,
        rtp_port_start=own_port(0),
        rtp_port_count=200,
        settings=settings,
        publish_hooks=Hooks(
            publisher_started=told.publisher_started, mount_closed=told.mount_closed
        ),
        play_hooks=Hooks(session_closed=told.session_closed),
    )
    await server.start()
    service = inside(server)
    yield server
    RtspPeer.forget_all()
    UdpPair.close_all()
    await server.stop()
    assert service.transports.ports.in_use == 0
    assert len(service.connections) == len(service.relay.ends) == len(service.mounts) == 0
    counters = service.relay.counters
    assert counters.connection_failures == counters.request_failures == 0

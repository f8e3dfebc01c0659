"""A server to publish films on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
from film_camera import FilmCamera, film_camera
from own_ports import own_port

from headwater import RtspServer


@pytest.fixture
async def server() -> AsyncIterator[RtspServer]:
    """A server that runs."""
    async with RtspServer(
        host="127.0.0.1", publish_port=0, rtp_port_start=own_port(0), rtp_port_count=20
    ) as running:
        yield running


@pytest.fixture
def make_camera(server: RtspServer) -> Callable[..., FilmCamera]:
    """Publish a film on the server: `make_camera("h264", path="/cam")`."""
    return partial(film_camera, server)

"""Films that are published on the server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from film_camera import FilmCamera, film_camera

from headwater import RtspServer


@pytest.fixture
def make_camera(server: RtspServer) -> Callable[..., FilmCamera]:
    """Publish a film on the server: `make_camera("h264", path="/cam")`."""
    return partial(film_camera, server)

"""Connected sockets for the tests of streams."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from stream_ends import tcp_pair


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = tcp_pair()
    with near, far:
        yield near, far


@pytest.fixture
def narrow() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = tcp_pair(8_192)
    with near, far:
        yield near, far

"""Ports that are kept for several processes."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterator

import pytest

from headwater.net.held_ports import HeldPorts

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux shares ports")


@pytest.fixture
def held() -> Iterator[HeldPorts]:
    ports = HeldPorts()
    yield ports
    ports.release()


def listening(port: int, *, shares: bool) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shares))
    sock.bind(("127.0.0.1", port))
    sock.listen()
    return sock


def test_a_held_port_is_for_those_who_share_and_who_listens_gets_every_connection(
    held: HeldPorts,
) -> None:
    port = held.hold(["127.0.0.1"], 0)
    assert held.hold(["127.0.0.1"], port) == port
    with listening(port, shares=True) as one:
        one.settimeout(10)
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port), 10):
                one.accept()[0].close()
        with pytest.raises(OSError, match="in use") as refused:
            HeldPorts().hold(["127.0.0.1"], port)
        assert refused.value.errno == errno.EADDRINUSE


def test_a_port_that_another_program_has_is_named(held: HeldPorts) -> None:
    with listening(0, shares=False) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port}"):
            held.hold(["127.0.0.1"], port)


def test_a_port_that_is_not_kept_is_free_for_everybody(held: HeldPorts) -> None:
    kept, given = held.hold(["127.0.0.1"], 0), held.hold(["127.0.0.1"], 0)
    held.keep([kept])
    with socket.socket() as free:
        free.bind(("127.0.0.1", given))
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", kept))

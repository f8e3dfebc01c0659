"""A worker's ports whose connections another process accepts."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from headwater.cluster.handed_ports import HandedPorts
from headwater.net.socket_address import Address

PEER = ("192.0.2.1", 40000)


class Worker:
    """What a worker said of its ports, and the connections that one of its listeners took."""

    def __init__(self) -> None:
        self.told: list[tuple[int, bool]] = []
        self.took: list[tuple[str, Address]] = []
        self.ports = HandedPorts(lambda port, takes: self.told.append((port, takes)))

    def take(self, name: str) -> None:
        def took(sock: socket.socket, peer: Address) -> None:
            self.took.append((name, peer))
            sock.close()

        self.listener = self.ports.listener(took)
        assert self.listener.bind(["127.0.0.1"], 554) == 554
        self.listener.start()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        other.settimeout(5)
        yield one, other


def test_a_worker_tells_which_ports_it_takes_and_is_given_their_connections(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    worker = Worker()
    worker.take("first")
    worker.ports.give(554, pair[0], PEER)
    worker.listener.close()
    assert worker.took == [("first", PEER)]
    assert worker.told == [(554, True), (554, False)]


def test_a_connection_of_a_port_that_is_closed_is_closed(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    worker = Worker()
    worker.take("first")
    worker.listener.close()
    worker.ports.give(554, pair[0], PEER)
    assert worker.took == []
    assert pair[1].recv(1) == b""


def test_a_port_that_ends_softly_takes_what_was_accepted_before(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    worker = Worker()
    worker.take("first")
    worker.listener.finish()
    worker.ports.give(554, pair[0], PEER)
    assert worker.took == [("first", PEER)]
    assert worker.told[-1] == (554, False)


def test_the_listener_before_ends_without_a_word_where_the_next_has_its_port(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    worker = Worker()
    worker.take("first")
    before = worker.listener
    worker.take("second")
    before.finish()
    before.close()
    worker.ports.give(554, pair[0], PEER)
    assert worker.took == [("second", PEER)]
    assert worker.told == [(554, True), (554, True)]

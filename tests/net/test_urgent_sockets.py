from __future__ import annotations

import asyncio
import logging
import select
import socket
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from headwater.net.tcp_stream import TcpStream
from headwater.net.udp_receiver import UdpReceiver
from headwater.net.urgent_sockets import UrgentSockets, urgent_sockets

pytestmark = pytest.mark.skipif(
    not hasattr(select, "poll"), reason="this system has no poll: its loop alone reads"
)

Pair = tuple[socket.socket, socket.socket]
MakePair = Callable[[], Pair]


@pytest.fixture
def pair() -> Iterator[MakePair]:
    made: list[socket.socket] = []

    def make() -> Pair:
        near, far = socket.socketpair()
        near.setblocking(False)
        made.extend((near, far))
        return near, far

    yield make
    for sock in made:
        sock.close()


def test_only_those_are_read_at_which_something_waits(pair: MakePair) -> None:
    sockets, came = UrgentSockets(), list[bytes]()
    pairs = [pair() for _ in range(3)]
    for near, _ in pairs:

        def read(near: socket.socket = near) -> None:
            came.append(near.recv(9))

        sockets.add(near.fileno(), read)
    sockets.read_waiting()
    assert came == []
    pairs[1][1].send(b"media")
    sockets.read_waiting()
    sockets.read_waiting()
    assert came == [b"media"]


def test_one_that_is_discarded_is_read_no_more_and_its_number_may_be_another_ones(
    pair: MakePair,
) -> None:
    sockets, came = UrgentSockets(), list[str]()
    near, far = pair()
    first, second = partial(came.append, "first"), partial(came.append, "second")
    sockets.add(near.fileno(), first)
    far.send(b"media")
    sockets.discard(near.fileno(), first)
    sockets.discard(near.fileno(), first)
    sockets.read_waiting()
    assert came == []
    assert len(sockets) == 0
    sockets.add(near.fileno(), second)
    sockets.discard(near.fileno(), first)
    sockets.read_waiting()
    assert came == ["second"]


def test_what_one_of_them_brings_is_relayed_before_the_next_is_read(pair: MakePair) -> None:
    sockets, came = UrgentSockets(), list[str]()
    for name in "ab":
        near, far = pair()

        def read(name: str = name, near: socket.socket = near) -> None:
            near.recv(9)
            came.append(f"{name} begins")
            sockets.read_waiting()
            came.append(f"{name} ends")

        sockets.add(near.fileno(), read)
        far.send(b"media")
    sockets.read_waiting()
    assert sorted(came[:2]) == sorted(came[:2], key=len, reverse=True)
    assert [text[0] for text in came] in (list("aabb"), list("bbaa"))


def test_one_that_raises_keeps_nobody_from_reading_the_others(
    pair: MakePair, caplog: pytest.LogCaptureFixture
) -> None:
    sockets, came = UrgentSockets(), list[bytes]()
    for fails in (True, False):
        near, far = pair()

        def read(near: socket.socket = near, *, fails: bool = fails) -> None:
            if fails:
                raise ValueError("broken")
            came.append(near.recv(9))

        sockets.add(near.fileno(), read)
        far.send(b"media")
    with caplog.at_level(logging.ERROR):
        sockets.read_waiting()
    assert came == [b"media"]
    assert "Reading a socket failed" in caplog.text


def test_one_may_be_discarded_while_another_is_read(pair: MakePair) -> None:
    sockets, came = UrgentSockets(), list[int]()
    pairs = [pair() for _ in range(2)]

    def read(own: int) -> None:
        came.append(own)
        sockets.discard(pairs[1 - own][0].fileno(), reads[1 - own])

    reads = [partial(read, number) for number in range(2)]
    for (near, far), each in zip(pairs, reads, strict=True):
        sockets.add(near.fileno(), each)
        far.send(b"media")
    sockets.read_waiting()
    assert len(came) == 1


def test_very_many_are_asked_less_often(pair: MakePair) -> None:
    sockets, came = UrgentSockets(), list[int]()
    for _ in range(130):
        near, far = pair()
        sockets.add(near.fileno(), partial(came.append, 1))
    far.send(b"media")
    for _ in range(9):
        sockets.read_waiting()
    assert len(came) == 3


async def test_a_loop_has_its_own() -> None:
    loop = asyncio.get_running_loop()
    assert urgent_sockets(loop) is urgent_sockets(loop)
    other = asyncio.new_event_loop()
    try:
        assert urgent_sockets(other) is not urgent_sockets(loop)
    finally:
        other.close()


class Received:
    """Takes what a stream brings."""

    def __init__(self) -> None:
        self.data = b""

    def stream_data(self, data: bytes) -> None:
        self.data += data

    def stream_closed(self, error: Exception | None) -> None:
        pass

    def stream_drained(self) -> None:
        pass


async def test_a_stream_is_one_of_them_from_when_it_is_asked_for_to_its_end(
    pair: MakePair,
) -> None:
    loop = asyncio.get_running_loop()
    sockets, received = urgent_sockets(loop), Received()
    near, far = pair()
    stream = TcpStream(near, loop, received)
    far.send(b"request")
    sockets.read_waiting()
    assert received.data == b""
    stream.read_first()
    sockets.read_waiting()
    assert received.data == b"request"
    stream.pause_reading()
    far.send(b" and more")
    sockets.read_waiting()
    assert received.data == b"request"
    stream.resume_reading()
    sockets.read_waiting()
    assert received.data == b"request and more"
    stream.abort()
    sockets.read_waiting()
    stream.read_in_turn()
    assert len(sockets) == 0


async def test_a_receiver_of_runs_is_one_of_them_and_one_of_reports_is_not() -> None:
    loop = asyncio.get_running_loop()
    sockets = urgent_sockets(loop)
    came: list[bytes] = []
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
    ):
        near.bind(("127.0.0.1", 0))
        reports = UdpReceiver(far, loop, came.extend)
        assert len(sockets) == 0
        media = UdpReceiver(near, loop, came.extend, on_run=lambda run, _: came.append(run))
        assert len(sockets) == 1
        far.sendto(b"media", near.getsockname())
        sockets.read_waiting()
        assert came == [b"media"]
        for receiver in (media, reports):
            receiver.close()
        assert len(sockets) == 0

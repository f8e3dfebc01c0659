"""An error that came with data is found on every loop, and costs a burst no system call."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest
from stream_ends import DEADLINE_S, Recorder, open_stream, read_exactly, tcp_pair

from headwater.net import second_look
from headwater.net.second_look import SecondLooks, second_looks
from headwater.net.tcp_stream import TcpStream

try:
    import uvloop
except ImportError:
    LOOPS: list[Any] = [asyncio.SelectorEventLoop]
else:
    LOOPS = [asyncio.SelectorEventLoop, uvloop.new_event_loop]


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a_reset_that_comes_with_data_ends_the_stream(
    loop_factory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_look, "_LOOK_S", 0.02)
    recorder = Recorder()

    async def program() -> None:
        near, far = tcp_pair()
        async with open_stream(near, recorder):
            far.send(b"data")
            far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            far.close()
            # Both are there before the loop asks for the first time.
            await recorder.until(lambda: recorder.closed)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(program())
    assert recorder.received == b"data"
    assert isinstance(recorder.closed[0], ConnectionResetError)


class Looker:
    """Counts how often it looked, and sets an event."""

    def __init__(self) -> None:
        self.looks = 0
        self.looked = asyncio.Event()

    def look_again(self) -> None:
        self.looks += 1
        self.looked.set()


async def test_all_who_wait_look_once_and_those_who_are_closed_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(second_look, "_LOOK_S", 0.0)
    loop = asyncio.get_running_loop()
    looks, first, gone, last = SecondLooks(), Looker(), Looker(), Looker()
    for looker in (first, gone, last):
        looks.add(looker, loop)
    looks.add(first, loop)
    looks.discard(gone)
    looks.discard(gone)
    async with asyncio.timeout(DEADLINE_S):
        await last.looked.wait()
        assert (first.looks, gone.looks, last.looks) == (1, 0, 1)
        looks.add(first, loop)
        first.looked.clear()
        await first.looked.wait()
    assert (first.looks, last.looks) == (2, 1)


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_the_streams_of_a_loop_share_it_where_errors_are_told_but_once(loop_factory: Any) -> None:
    loop = loop_factory()
    try:
        looks = second_looks(loop)
        assert looks is second_looks(loop)
        assert (looks is None) == isinstance(loop, asyncio.SelectorEventLoop)
    finally:
        loop.close()


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a_stream_whose_socket_was_given_away_takes_nothing_more_of_it(
    loop_factory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_look, "_LOOK_S", 0.0)
    recorder, looker = Recorder(), Looker()

    async def program() -> bytes:
        near, far = tcp_pair()
        loop = asyncio.get_running_loop()
        stream = TcpStream(near, loop, recorder)
        far.send(b"mine")
        await recorder.until(lambda: recorder.received == b"mine")
        given = stream.detach()
        assert given is near
        far.send(b"another's")
        # Whoever was to look again does so before the one that is added now.
        SecondLooks().add(looker, loop)
        async with asyncio.timeout(DEADLINE_S):
            await looker.looked.wait()
            return await read_exactly(given, 9)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(program()) == b"another's"
    assert recorder.received == b"mine"
    assert not recorder.closed

"""An answer without an end ends when its peer leaves, in whichever way."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import pytest
from inside import inside
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from waiting import holds
from web_rig import WebServer

from headwater.http.endless import EndlessResponse

ASKS = b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n"
BEGUN = b"begun\r\n"


class Endless:
    """A route whose answer begins, and says nothing more until it is told to."""

    def __init__(self, web: WebServer, kind: type[StreamingResponse] = EndlessResponse) -> None:
        self.going_on = 0
        self.asked = 0
        self.end = asyncio.Event()
        self._kind = kind
        inside(web.server).web.door.add([Route("/endless", self._answer)])

    async def _answer(self, _request: Request) -> Response:
        self.asked += 1
        return self._kind(self._lines())

    async def _lines(self) -> AsyncIterator[bytes]:
        self.going_on += 1
        try:
            yield b"begun"
            await self.end.wait()
            yield b"ended"
        finally:
            self.going_on -= 1


def reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


LEAVES = {
    "closes": asyncio.StreamWriter.close,
    "closes its side": asyncio.StreamWriter.write_eof,
    "resets": reset,
}


@pytest.mark.parametrize("how", LEAVES)
async def test_it_ends_with_its_peer(web: WebServer, how: str) -> None:
    endless = Endless(web)
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    writer.write(ASKS)
    await reader.readuntil(BEGUN)
    assert endless.going_on == 1
    LEAVES[how](writer)
    await holds(lambda: not endless.going_on)
    await holds(lambda: not len(inside(web.server).web.door.connections))
    writer.close()


async def test_it_ends_for_a_peer_that_left_before_it_began(web: WebServer) -> None:
    endless = Endless(web)
    _, writer = await asyncio.open_connection("127.0.0.1", web.port)
    writer.write(ASKS)
    writer.write_eof()
    await holds(lambda: endless.asked == 1)
    await holds(lambda: not endless.going_on)
    await holds(lambda: not len(inside(web.server).web.door.connections))
    writer.close()


async def test_another_answer_still_comes_to_a_peer_that_closed_its_side(web: WebServer) -> None:
    plain = Endless(web, StreamingResponse)
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    writer.write(ASKS)
    await reader.readuntil(BEGUN)
    writer.write_eof()
    await holds(lambda: next(iter(inside(web.server).web.door.connections))._peer_ended)
    plain.end.set()
    async with asyncio.timeout(10):
        assert b"ended" in await reader.read()
    writer.close()


async def test_the_next_request_of_a_connection_may_have_an_end_again(web: WebServer) -> None:
    endless = Endless(web)
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    writer.write(ASKS)
    await reader.readuntil(BEGUN)
    endless.end.set()
    await reader.readuntil(b"\r\n0\r\n\r\n")
    connection = next(iter(inside(web.server).web.door.connections))
    assert [connection._ends_with_peer] == [True]
    writer.write(b"GET /nothing/here HTTP/1.1\r\nHost: localhost\r\n\r\n")
    writer.write_eof()
    async with asyncio.timeout(10):
        assert (await reader.readline()).split()[1] == b"404"
    assert [connection._ends_with_peer] == [False]
    writer.close()

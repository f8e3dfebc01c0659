"""Every TCP connection sends little messages at once and notices a dead peer, whoever began it."""

from __future__ import annotations

import asyncio
import socket

import pytest
from stream_ends import Recorder

from headwater.net.tcp_listener import TcpListener
from headwater.net.tcp_stream import TcpStream

DEADLINE_S = 20


def options_of(sock: socket.socket) -> tuple[bool, bool]:
    return (
        bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)),
        bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)),
    )


async def accepted(host: str) -> tuple[socket.socket, socket.socket]:
    """Return both ends of a connection that a listener handed over, its own end first."""
    loop = asyncio.get_running_loop()
    came: asyncio.Future[socket.socket] = loop.create_future()
    listener = TcpListener(loop, lambda sock, _peer: came.set_result(sock))
    try:
        port = listener.bind([host], 0)
        listener.start()
        far = socket.create_connection((host, port), timeout=DEADLINE_S)
        async with asyncio.timeout(DEADLINE_S):
            return await came, far
    finally:
        listener.close()


@pytest.mark.parametrize("was_accepted", [True, False])
async def test_a_stream_has_them(was_accepted: bool) -> None:
    near, far = await accepted("127.0.0.1")
    with near, far:
        assert options_of(far) == (False, False)
        sock = near if was_accepted else far
        recorder = Recorder()
        stream = TcpStream(sock, asyncio.get_running_loop(), recorder, was_accepted=was_accepted)
        assert options_of(sock) == (True, True)
        stream.abort()
        await recorder.until(lambda: recorder.closed)

"""What tests of streams share: a receiver that remembers, connected sockets, bytes to send."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from headwater.net.tcp_stream import TcpStream

DEADLINE_S = 20


@dataclass
class Recorder:
    """A receiver that keeps what it is told."""

    received: bytearray = field(default_factory=bytearray)
    chunks: int = 0
    drained: int = 0
    closed: list[Exception | None] = field(default_factory=list)
    on_data: Callable[[bytes], None] = lambda data: None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def stream_data(self, data: bytes) -> None:
        assert data
        assert not self.closed
        self.received += data
        self.chunks += 1
        self.changed.set()
        self.on_data(data)

    def stream_drained(self) -> None:
        assert not self.closed
        self.drained += 1
        self.changed.set()

    def stream_closed(self, error: Exception | None) -> None:
        self.closed.append(error)
        self.changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@dataclass
class HalfOpenRecorder(Recorder):
    """A receiver that goes on writing when its peer has ended."""

    ended: int = 0

    def stream_ended(self) -> bool:
        self.ended += 1
        self.changed.set()
        return True


def tcp_pair(buffer_bytes: int | None = None) -> tuple[socket.socket, socket.socket]:
    """Return two connected TCP sockets, with small kernel buffers when asked."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = socket.socket()
        far_options = socket.SOL_SOCKET, socket.SO_RCVBUF
        if buffer_bytes is not None:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
            listening.setsockopt(*far_options, buffer_bytes)
        near.connect(listening.getsockname())
        far, _ = listening.accept()
    far.setblocking(False)
    return near, far


async def read_to_end(sock: socket.socket) -> bytes:
    received = bytearray()
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(DEADLINE_S):
        while data := await loop.sock_recv(sock, 65_536):
            received += data
    return bytes(received)


async def read_exactly(sock: socket.socket, count: int) -> bytes:
    received = bytearray()
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(DEADLINE_S):
        while len(received) < count:
            data = await loop.sock_recv(sock, count - len(received))
            assert data, f"ended after {len(received)} of {count} bytes"
            received += data
    return bytes(received)


def pattern(count: int) -> bytes:
    return (b"".join(struct.pack("!I", number) for number in range(count // 4 + 1)))[:count]


def fill(stream: TcpStream, size: int = 1_000) -> bytes:
    """Write until the stream has to queue; return all that was written."""
    written = bytearray()
    while stream.queued_bytes < 100_000:
        block = pattern(size)
        stream.write(block)
        written += block
    return bytes(written)


@contextlib.asynccontextmanager
async def open_stream(
    sock: socket.socket, recorder: Recorder, **options: Any
) -> AsyncIterator[TcpStream]:
    stream = TcpStream(sock, asyncio.get_running_loop(), recorder, **options)
    try:
        yield stream
    finally:
        stream.abort()
        await recorder.until(lambda: recorder.closed)
        await asyncio.sleep(0)
        assert len(recorder.closed) == 1

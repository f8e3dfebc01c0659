"""Messages and sockets between two processes, here between two ends of one."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from headwater.cluster.channel import Channel
from headwater.net.descriptor_limit import open_descriptors


class End:
    """One end, and what it heard."""

    def __init__(self, sock: socket.socket) -> None:
        loop: Any = asyncio.get_running_loop()
        self.heard: list[tuple[Any, socket.socket | None]] = []
        self.changed = asyncio.Event()
        self.closed = asyncio.Event()
        self.channel = Channel(sock, loop, self._hear, self.closed.set)

    def _hear(self, message: object, sock: socket.socket | None) -> None:
        self.heard.append((message, sock))
        self.changed.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.heard) < count:
                self.changed.clear()
                await self.changed.wait()


def pair() -> tuple[End, End]:
    one, other = socket.socketpair()
    return End(one), End(other)


async def test_messages_come_in_order_with_their_own_sockets() -> None:
    one, other = pair()
    ends = []
    for number in range(200):
        kept, given = socket.socketpair()
        ends.append(kept)
        one.channel.send(("big" * 20_000, number))
        one.channel.send(number, given)
    await other.until(400)
    for number, kept in enumerate(ends):
        (text, told), none = other.heard[2 * number]
        assert (told, len(text), none) == (number, 60_000, None)
        message, sock = other.heard[2 * number + 1]
        assert message == number
        assert sock is not None
        kept.send(b"%d" % number)
        assert sock.recv(9) == b"%d" % number
        sock.close()
        kept.close()
    one.channel.close()
    await asyncio.wait_for(other.closed.wait(), 10)
    assert other.channel.closed


async def test_what_is_no_message_ends_the_channel_and_no_descriptor_is_left() -> None:
    before = open_descriptors()
    sock, own = socket.socketpair()
    end = End(own)
    sock.sendall(b"\xff" * 64)
    await asyncio.wait_for(end.closed.wait(), 10)
    kept, given = socket.socketpair()
    end.channel.send("nobody hears this", given)
    assert given.fileno() == -1
    kept.close()
    sock.close()
    assert open_descriptors() == before

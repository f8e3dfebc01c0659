"""Messages and sockets between two processes, here between two ends of one."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from headwater.cluster import channel
from headwater.cluster.channel import _HEAD, Channel, first_message
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


async def test_a_message_that_is_not_understood_or_fails_costs_itself_and_its_socket_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sock, own = socket.socketpair()
    end = End(own)
    kept, given = socket.socketpair()
    unreadable = _HEAD.pack(4, True) + b"junk"
    socket.send_fds(sock, [unreadable], [given.fileno()])
    given.close()
    one = Channel(sock, asyncio.get_running_loop(), lambda *_: None, lambda: None)
    one.send("after it")
    await end.until(1)
    assert [message for message, _ in end.heard] == ["after it"]
    # The socket that came with it is closed.
    assert kept.recv(1) == b""

    def fail(message: object, _sock: socket.socket | None) -> None:
        raise RuntimeError(f"on purpose, for {message}")

    end.channel._on_message = fail
    again, given = socket.socketpair()
    one.send("bad", given)
    assert await asyncio.to_thread(again.recv, 1) == b""
    assert not end.channel.closed
    assert [record.message for record in caplog.records if record.exc_info] == [
        "a message of another process was not understood",
        "a message of another process failed",
    ]
    for each in (kept, again):
        each.close()
    one.close()
    end.channel.close()


async def test_what_waits_has_a_bound_and_its_sockets_are_closed_with_the_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sock, own = socket.socketpair()
    end = End(own)
    kept, given = socket.socketpair()
    end.channel.send(bytes(4_000_000))
    end.channel.send("behind it", given)
    monkeypatch.setattr(channel, "_MOST_QUEUED_BYTES", 1_000_000)
    end.channel.send("one too many")
    await asyncio.wait_for(end.closed.wait(), 10)
    assert end.channel.closed
    assert kept.recv(1) == b""
    kept.close()
    sock.close()


async def test_a_process_that_waits_for_its_first_message() -> None:
    one, other = socket.socketpair()
    whole = Channel(one, asyncio.get_running_loop(), lambda *_: None, lambda: None)
    whole.send({"of": "order" * 100_000})
    assert await asyncio.to_thread(first_message, other) == {"of": "order" * 100_000}
    whole.close()
    with pytest.raises(EOFError, match="the other process is gone"):
        first_message(other)
    other.close()

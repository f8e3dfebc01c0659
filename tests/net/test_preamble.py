"""A connection's first bytes decide, whatever pieces they come in, and silence ends it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from headwater.net.preamble import Greeting, Preamble
from headwater.net.socket_address import Address

DEADLINE_S = 20
PEER: Address = ("198.51.100.9", 9)
PROXY = b"PROXY TCP4 192.0.2.1 198.51.100.2 5000 554\r\n"
PROXY_UNKNOWN = b"PROXY UNKNOWN\r\n"


class Outcome:
    """What a preamble came to."""

    def __init__(self) -> None:
        self.greetings: list[Greeting] = []
        self.failures: list[tuple[Address, str]] = []
        self.sockets: list[socket.socket] = []
        self.changed = asyncio.Event()

    def greet(self, sock: socket.socket, greeting: Greeting) -> None:
        self.sockets.append(sock)
        self.greetings.append(greeting)
        self.changed.set()

    def fail(self, peer: Address, cause: str) -> None:
        self.failures.append((peer, cause))
        self.changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def open_preamble(
    *,
    expects_proxy: bool = False,
    deadline_s: float = DEADLINE_S,
    begins_http: Callable[[bytes], bool | None] | None = None,
) -> AsyncIterator[tuple[Preamble, socket.socket, socket.socket, Outcome]]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        far = socket.create_connection(listening.getsockname())
        near, _ = listening.accept()
    outcome = Outcome()
    with near, far:
        preamble = Preamble(
            near,
            PEER,
            asyncio.get_running_loop(),
            expects_proxy=expects_proxy,
            deadline_s=deadline_s,
            on_greeting=outcome.greet,
            on_failure=outcome.fail,
            begins_http=begins_http,
        )
        yield preamble, near, far, outcome
        preamble.close()
    assert len(outcome.greetings) + len(outcome.failures) <= 1


@pytest.mark.parametrize(
    ("expects_proxy", "data", "greeting"),
    [
        (False, b"O", Greeting(PEER, b"O", tls=False)),
        (False, b"OPTIONS *", Greeting(PEER, b"OPTIONS *", tls=False)),
        (False, b"$\0\0\4", Greeting(PEER, b"$\0\0\4", tls=False)),
        (False, b"\x16\x03", Greeting(PEER, b"\x16\x03", tls=True)),
        (False, PROXY, Greeting(PEER, PROXY, tls=False)),
        (True, PROXY + b"OPT", Greeting(("192.0.2.1", 5_000), b"OPT", tls=False)),
        (True, PROXY + b"\x16", Greeting(("192.0.2.1", 5_000), b"\x16", tls=True)),
        (True, PROXY_UNKNOWN + b"OPT", Greeting(PEER, b"OPT", tls=False)),
    ],
)
async def test_greetings(expects_proxy: bool, data: bytes, greeting: Greeting) -> None:
    async with open_preamble(expects_proxy=expects_proxy) as (_, near, far, outcome):
        far.sendall(data)
        await outcome.until(lambda: outcome.greetings)
        assert outcome.greetings == [greeting]
        assert outcome.sockets == [near]
        assert near.fileno() >= 0


async def test_byte_by_byte() -> None:
    async with open_preamble(expects_proxy=True) as (_, _near, far, outcome):
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in PROXY:
            far.send(bytes([byte]))
            for _ in range(3):
                await asyncio.sleep(0)
        assert not outcome.greetings
        far.send(b"\x16")
        await outcome.until(lambda: outcome.greetings)
        assert outcome.greetings == [Greeting(("192.0.2.1", 5_000), b"\x16", tls=True)]


@pytest.mark.parametrize(
    ("expects_proxy", "act", "cause"),
    [
        (False, lambda far: far.close(), "closed before its first byte"),
        (True, lambda far: (far.send(b"PROX"), far.close()), "closed before its first byte"),
        (True, lambda far: far.send(b"OPTIONS *"), "PROXY header: connection does not begin"),
        (
            False,
            lambda far: (
                far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)),
                far.close(),
            ),
            "reset",
        ),
    ],
)
async def test_failures(
    expects_proxy: bool, act: Callable[[socket.socket], object], cause: str
) -> None:
    async with open_preamble(expects_proxy=expects_proxy) as (_, near, far, outcome):
        act(far)
        await outcome.until(lambda: outcome.failures)
        ((peer, told),) = outcome.failures
        assert peer == PEER
        assert cause in told
        assert near.fileno() == -1


@pytest.mark.parametrize("sent", [b"", b"PROXY TCP4"])
async def test_silence(sent: bytes) -> None:
    async with open_preamble(expects_proxy=True, deadline_s=0.05) as (_, near, far, outcome):
        far.send(sent)
        await outcome.until(lambda: outcome.failures)
        assert outcome.failures == [(PEER, "no first byte in time")]
        assert near.fileno() == -1


async def test_close_says_nothing() -> None:
    async with open_preamble() as (preamble, near, far, outcome):
        preamble.close()
        preamble.close()
        assert near.fileno() == -1
        assert far.recv(1) == b""
        assert not outcome.failures
        assert not outcome.greetings


@pytest.mark.parametrize("is_http", [True, False])
async def test_whoever_tells_http_is_asked_until_it_knows(is_http: bool) -> None:
    asked: list[bytes] = []
    was_asked = asyncio.Event()

    def begins_http(data: bytes) -> bool | None:
        asked.append(data)
        was_asked.set()
        return is_http if len(data) >= 4 else None

    async with open_preamble(begins_http=begins_http) as (_, _, far, outcome):
        far.sendall(b"ab")
        async with asyncio.timeout(DEADLINE_S):
            await was_asked.wait()
        assert not outcome.greetings
        far.sendall(b"cd")
        await outcome.until(lambda: outcome.greetings)
    assert outcome.greetings == [Greeting(PEER, b"abcd", tls=False, http=is_http)]
    assert asked == [b"ab", b"abcd"]

"""TcpListener binds what it is told, and goes on when descriptors run out."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from exhausted import Exhausted
from logged import event_of

from headwater.net import tcp_listener
from headwater.net.kernel_features import probe
from headwater.net.socket_address import Address
from headwater.net.tcp_listener import TcpListener

DEADLINE_S = 20


class Door:
    """Keeps what connected."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        self.peers: list[Address] = []
        self.changed = asyncio.Event()

    def take(self, sock: socket.socket, peer: Address) -> None:
        self.sockets.append(sock)
        self.peers.append(peer)
        self.changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


@contextlib.asynccontextmanager
async def open_listener(
    door: Door, hosts: list[str], port: int = 0, **options: Any
) -> AsyncIterator[TcpListener]:
    listener = TcpListener(asyncio.get_running_loop(), door.take, **options)
    try:
        listener.bind(hosts, port)
        listener.start()
        yield listener
    finally:
        listener.close()
        door.close()


async def connect(port: int, host: str = "127.0.0.1") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.get_running_loop().sock_connect(sock, (host, port))
    return sock


async def read_to_end(sock: socket.socket) -> bytes:
    received = bytearray()
    async with asyncio.timeout(DEADLINE_S):
        while data := await asyncio.get_running_loop().sock_recv(sock, 65_536):
            received += data
    return bytes(received)


async def test_hands_over_sockets_and_peers() -> None:
    door = Door()
    async with open_listener(door, ["127.0.0.1"]) as listener:
        assert listener.addresses == (("127.0.0.1", listener.port),)
        with await connect(listener.port) as client:
            await door.until(lambda: door.sockets)
            assert door.peers == [client.getsockname()]
            assert not door.sockets[0].getblocking()
            assert (listener.accepted, listener.overloaded) == (1, 0)


async def test_of_a_crowd_a_few_are_accepted_in_each_turn_of_the_loop() -> None:
    door = Door()
    loop = asyncio.get_running_loop()
    turns = [0]
    ticking = True

    def tick() -> None:
        turns.append(len(door.sockets))
        if ticking:
            loop.call_soon(tick)

    async with open_listener(door, ["127.0.0.1"]) as listener:
        with contextlib.ExitStack() as clients:
            # They connect before the loop has its next turn.
            for _ in range(50):
                clients.enter_context(
                    socket.create_connection(("127.0.0.1", listener.port), timeout=DEADLINE_S)
                )
            tick()
            await door.until(lambda: len(door.sockets) == 50)
            ticking = False
    assert max(later - before for before, later in pairwise(turns)) <= 16


@pytest.mark.skipif(not probe().ipv6, reason="no IPv6 here")
@pytest.mark.parametrize("hosts", [[""], ["0.0.0.0", "::"], ["127.0.0.1", "::1"], ["", "::"]])
async def test_both_families_on_one_port(hosts: list[str]) -> None:
    door = Door()
    async with open_listener(door, hosts) as listener:
        assert len(listener.addresses) == 2
        assert {address[1] for address in listener.addresses} == {listener.port}
        with await connect(listener.port), await connect(listener.port, "::1"):
            await door.until(lambda: len(door.sockets) == 2)
            assert {peer[0] for peer in door.peers} == {"127.0.0.1", "::1"}


async def test_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    features = replace(probe(), ipv6=False)
    monkeypatch.setattr(tcp_listener, "probe", lambda: features)
    async with open_listener(Door(), [""]) as listener:
        assert listener.addresses == (("0.0.0.0", listener.port),)


async def test_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}: ") as raised:
            async with open_listener(Door(), ["127.0.0.1"], port):
                pass
        assert raised.value.errno == errno.EADDRINUSE


async def test_foreign_address_is_named() -> None:
    with pytest.raises(OSError, match=r"cannot listen on \[2001:db8::7\]:0: |protocol"):
        async with open_listener(Door(), ["2001:db8::7"]):
            pass


async def test_names_are_refused() -> None:
    with pytest.raises(ValueError, match="localhost"):
        async with open_listener(Door(), ["localhost"]):
            pass


async def test_port_zero_tries_again_when_the_second_host_has_it_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = tcp_listener._listening
    taken: list[int] = []

    def second_host_is_taken_twice(
        host: str, port: int, backlog: int, *, shares_port: bool
    ) -> socket.socket:
        if host == "127.0.0.2" and len(taken) < 2:
            taken.append(port)
            raise OSError(errno.EADDRINUSE, "taken")
        return real(host, port, backlog, shares_port=shares_port)

    monkeypatch.setattr(tcp_listener, "_listening", second_host_is_taken_twice)
    if sys.platform == "darwin":
        pytest.skip("127.0.0.2 is not there")
    async with open_listener(Door(), ["127.0.0.1", "127.0.0.2"]) as listener:
        assert len(listener.addresses) == 2
        assert listener.port not in taken


async def test_stop_and_start_again() -> None:
    door = Door()
    async with open_listener(door, ["127.0.0.1"]) as listener:
        listener.stop()
        with await connect(listener.port):
            for _ in range(5):
                await asyncio.sleep(0)
            assert not door.sockets
            listener.start()
            await door.until(lambda: door.sockets)


async def test_close_frees_the_port() -> None:
    door = Door()
    async with open_listener(door, ["127.0.0.1"]) as listener:
        port = listener.port
        listener.close()
        assert listener.port == 0
        with pytest.raises(ConnectionRefusedError):
            await connect(port)
    async with open_listener(Door(), ["127.0.0.1"], port) as again:
        assert again.port == port


async def test_failing_callback_costs_one_connection(caplog: pytest.LogCaptureFixture) -> None:
    door = Door()
    take = door.take

    def fail_once(sock: socket.socket, peer: Address) -> None:
        door.take = take  # type: ignore[method-assign]
        listener._on_connection = take
        raise RuntimeError("a bug")

    door.take = fail_once  # type: ignore[method-assign]
    async with open_listener(door, ["127.0.0.1"]) as listener:
        with await connect(listener.port) as first:
            assert await read_to_end(first) == b""
        with await connect(listener.port):
            await door.until(lambda: door.sockets)
    assert "New connection failed" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="no descriptor limits here")
async def test_out_of_descriptors_answers_and_recovers(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_listener, "_LOOK_S", 0.01)
    door = Door()
    clients = [socket.socket() for _ in range(4)]
    async with open_listener(door, ["127.0.0.1"], overload_answer=b"full\n") as listener:
        address = ("127.0.0.1", listener.port)
        try:
            with Exhausted() as exhausted:
                for client in clients[:3]:
                    client.connect(address)
                    client.setblocking(False)
                for client in clients[:3]:
                    assert await read_to_end(client) == b"full\n"
                assert listener.overloaded == 3
                assert not door.sockets
                exhausted.free(2)
                clients[3].connect(address)
                await door.until(lambda: door.sockets)
                async with asyncio.timeout(DEADLINE_S):
                    while listener._look is not None:  # noqa: ASYNC110 - nothing else tells
                        await asyncio.sleep(0)
        finally:
            for client in clients:
                client.close()
    messages = [event_of(record) for record in caplog.records]
    assert messages == [
        "Cannot accept connections; raise the limit of open files",
        "Connections are accepted again",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="no descriptor limits here")
async def test_without_a_reserve_it_rests_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_listener, "_REST_S", 0.01)
    door = Door()
    with socket.socket() as client:
        async with open_listener(door, ["127.0.0.1"]) as listener:
            listener._reserve.release()
            with Exhausted() as exhausted:
                client.connect(("127.0.0.1", listener.port))
                async with asyncio.timeout(DEADLINE_S):
                    while listener._rest is None:  # noqa: ASYNC110 - nothing else tells
                        await asyncio.sleep(0)
                assert not door.sockets
                exhausted.free(2)
                await door.until(lambda: door.sockets)

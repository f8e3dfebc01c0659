"""The ports of a supervisor that accepts for its workers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from headwater.app.workers.accepted_ports import AcceptedPorts
from headwater.net.socket_address import Address

DEADLINE_S = 10.0


class Hands:
    """Who was given which connection."""

    def __init__(self) -> None:
        loop: Any = asyncio.get_running_loop()
        self.ports = AcceptedPorts(loop, self._give, backlog=16)
        self.port = self.ports.hold(["127.0.0.1"], 0)
        self.given: list[tuple[str, Address]] = []
        self._changed = asyncio.Event()

    def _give(self, worker: str, port: int, sock: socket.socket, peer: Address) -> None:
        assert port == self.port
        self.given.append((worker, peer))
        sock.close()
        self._changed.set()

    async def connect(self) -> Address:
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        name: Address = writer.get_extra_info("sockname")
        writer.close()
        return name

    async def until(self, count: int) -> list[str]:
        async with asyncio.timeout(DEADLINE_S):
            while len(self.given) < count:
                self._changed.clear()
                await self._changed.wait()
        return [worker for worker, _ in self.given]


@contextlib.asynccontextmanager
async def hands() -> AsyncIterator[Hands]:
    held = Hands()
    try:
        yield held
    finally:
        held.ports.release()


async def test_workers_get_connections_in_turn_with_the_address_of_the_peer() -> None:
    async with hands() as given:
        for worker in ("a", "b"):
            given.ports.takes(worker, given.port, takes=True)
        peers = [await given.connect() for _ in range(4)]
        assert await given.until(4) == ["a", "b", "a", "b"]
        assert [peer for _, peer in given.given] == peers


async def test_a_worker_that_is_gone_gets_nothing_more() -> None:
    async with hands() as given:
        for worker in ("a", "b"):
            given.ports.takes(worker, given.port, takes=True)
        given.ports.leave("a")
        for _ in range(2):
            await given.connect()
        assert await given.until(2) == ["b", "b"]


async def test_who_connects_while_no_worker_takes_waits_for_one() -> None:
    async with hands() as given:
        given.ports.takes("a", given.port, takes=True)
        given.ports.takes("a", given.port, takes=False)
        await given.connect()
        given.ports.takes("b", given.port, takes=True)
        assert await given.until(1) == ["b"]


async def test_a_port_that_is_not_kept_gives_what_waits_and_is_free_then() -> None:
    async with hands() as given:
        given.ports.takes("a", given.port, takes=True)
        with contextlib.closing(socket.create_connection(("127.0.0.1", given.port))):
            given.ports.keep(())
            assert [worker for worker, _ in given.given] == ["a"]
        with pytest.raises(ConnectionRefusedError):
            await given.connect()


async def test_a_port_that_another_program_has_is_named() -> None:
    async with hands() as given:
        loop: Any = asyncio.get_running_loop()
        other = AcceptedPorts(loop, lambda *_: None, backlog=16)
        with pytest.raises(OSError, match=f"127.0.0.1:{given.port}"):
            other.hold(["127.0.0.1"], given.port)

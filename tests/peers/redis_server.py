"""A real Redis, or Valkey, on a port of its own, which a test can stop, freeze and start again.

`HEADWATER_TEST_REDIS` names another program than `redis-server`, such as `valkey-server`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from own_ports import own_port
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError

PROGRAM = os.environ.get("HEADWATER_TEST_REDIS", "redis-server")
_FIRST_PORT = 900
_STARTS_WITHIN_S = 10.0


class RedisServer:
    """One server process, with nothing kept on the disk unless it is told so."""

    def __init__(self, number: int = 0, *options: str) -> None:
        self.port = own_port(_FIRST_PORT + number)
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self._options = options
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        self._process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *("--port", str(self.port), "--bind", "127.0.0.1", "--save", ""),
            *("--appendonly", "no", "--dir", str(self.folder), *self._options),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        client = self.client()
        async with asyncio.timeout(_STARTS_WITHIN_S):
            while True:
                with suppress(RedisError, OSError):
                    # A server that wants a password has answered as well.
                    with suppress(AuthenticationError):
                        await client.ping()
                    break
                await asyncio.sleep(0.01)
        await client.aclose()

    def client(self) -> Redis:
        """A client of the test's own."""
        return Redis(host="127.0.0.1", port=self.port, decode_responses=True)

    async def kill(self) -> None:
        """End it at once; what it knew is gone."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            await process.wait()

    def freeze(self) -> None:
        """Have it answer nothing, with its connections open."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    async def calls_of(self, *commands: str) -> int:
        """How often it has run these commands."""
        client = self.client()
        stats = await client.info("commandstats")
        await client.aclose()
        return sum(int(stats.get(f"cmdstat_{each}", {"calls": 0})["calls"]) for each in commands)


@pytest.fixture
async def redis_server() -> AsyncIterator[RedisServer]:
    """A server of one test."""
    server = RedisServer()
    await server.start()
    try:
        yield server
    finally:
        await server.kill()
        shutil.rmtree(server.folder)

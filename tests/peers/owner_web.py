"""A web server of the owner, for tests: it answers as told, slowly, brokenly, or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

_DEADLINE_S = 20.0


@dataclass(frozen=True)
class Asked:
    """One request that came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


Answer = Callable[[Asked], bytes | Awaitable[bytes]]


def answer_of(status: int, body: bytes = b"", *, headers: str = "") -> bytes:
    """Return the bytes of an answer."""
    head = f"HTTP/1.1 {status} Told\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


@dataclass
class OwnerWeb:
    """Listens on a free port, and keeps what came.

    `answer` makes the bytes that go back; empty bytes close the connection without an answer.
    """

    answer: Answer = lambda _: answer_of(200)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    most_open: int = 0
    port: int = 0
    _open: int = 0
    _server: asyncio.Server | None = None
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/told"

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.go_away()

    async def listen(self) -> None:
        """Be there, on the port of before where there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def go_away(self) -> None:
        """Be gone: nobody listens, and what is open breaks."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in list(self._writers):
            writer.transport.abort()

    def break_off(self) -> None:
        """End every connection, whatever was sent."""
        for writer in self._writers:
            writer.close()

    async def until_asked(self, count: int) -> list[Asked]:
        """Wait until so many requests have come; return them all."""
        async with asyncio.timeout(_DEADLINE_S):
            while len(self.asked) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.asked

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        try:
            while await self._answer_one(reader, writer):
                pass
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = first.split()
        request = Asked(method, target, headers, body)
        self.asked.append(request)
        self._open += 1
        self.most_open = max(self.most_open, self._open)
        self._arrived.set()
        try:
            answer = self.answer(request)
            content = answer if isinstance(answer, bytes) else await answer
        finally:
            self._open -= 1
        writer.write(content)
        await writer.drain()
        return bool(content)

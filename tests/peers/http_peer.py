"""A client of the web's door that writes its bytes itself, whole requests or odd pieces of them."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from dataclasses import dataclass
from typing import Any, Self

_DEADLINE_S = 60.0


@dataclass(frozen=True)
class HttpAnswer:
    """One answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    @property
    def problem(self) -> dict[str, Any]:
        """The body as JSON."""
        value: dict[str, Any] = json.loads(self.body)
        return value


class HttpPeer:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(
        cls, port: int, *, context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> Self:
        """Connect."""
        name = "localhost" if context else None
        return cls(*await asyncio.open_connection(host, port, ssl=context, server_hostname=name))

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)

    async def ask(
        self,
        target: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> HttpAnswer:
        """Send a request and return its answer."""
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [
            f"{name}: {value}" for name, value in {"Host": "localhost", **(headers or {})}.items()
        ]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.write("\r\n".join([*lines, "", ""]).encode() + body)
        return await self.answer(method)

    async def answer(self, method: str = "GET") -> HttpAnswer:
        """Return the next answer."""
        async with asyncio.timeout(_DEADLINE_S):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            pairs = tuple(
                (name.lower(), value.strip())
                for name, _, value in (line.partition(":") for line in head[1:] if line)
            )
            answer = HttpAnswer(int(head[0].split()[1]), pairs, b"")
            length = int(answer.header("content-length") or 0)
            if method == "HEAD" or not length:
                return answer
            return HttpAnswer(answer.status, pairs, await self._reader.readexactly(length))

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        async with asyncio.timeout(_DEADLINE_S):
            return await self._reader.read()

    async def close(self) -> None:
        """Close."""
        self._writer.close()


async def fetch(port: int, target: str, **arguments: Any) -> HttpAnswer:
    """Return the answer to one request on a connection of its own."""
    peer = await HttpPeer.connect(port, context=arguments.pop("context", None))
    try:
        return await peer.ask(target, **arguments)
    finally:
        await peer.close()


def basic(name: str, password: str) -> dict[str, str]:
    """The header of a login."""
    shown = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {shown}"}

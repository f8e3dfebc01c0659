"""HTTP/1.1 as small as it gets: one connection, one request at a time."""

import asyncio
from dataclasses import dataclass
from typing import Self
from urllib.parse import urljoin, urlsplit

ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes

    def require(self, *statuses: int) -> "Answer":
        """Return itself, or raise RuntimeError for another status."""
        if self.status not in statuses:
            said = self.body[:200].decode(errors="replace")
            raise RuntimeError(f"{self.url}: {self.status} {said}")
        return self


class HttpClient:
    """A connection that stays open between requests."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._cookies: dict[str, str] = {}

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Connect to where an address leads."""
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port or 80, limit=1 << 22))

    async def ask(
        self, method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """Send a request and return its answer; redirections on the same server are followed."""
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        told = {"Host": parts.netloc, **(headers or {})}
        if self._cookies:
            told["Cookie"] = "; ".join(f"{name}={text}" for name, text in self._cookies.items())
        if body:
            told["Content-Length"] = str(len(body))
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {told[name]}" for name in told)]
        self.writer.write("\r\n".join((*lines, "", "")).encode() + body)
        async with asyncio.timeout(ANSWER_S):
            answer = await self._answer(url)
        if answer.status in {301, 302, 307, 308}:
            return await self.ask(method, urljoin(url, answer.headers["location"]), headers, body)
        return answer

    async def _head(self) -> tuple[int, dict[str, str]]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in lines[1:] if line]
        for name, _, text in pairs:
            if name.lower() == "set-cookie":
                cookie, _, value = text.partition(";")[0].strip().partition("=")
                self._cookies[cookie] = value
        return int(lines[0].split()[1]), {name.lower(): text.strip() for name, _, text in pairs}

    async def _answer(self, url: str) -> Answer:
        status, headers = await self._head()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = await self._chunks()
        else:
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(url, status, headers, body)

    async def _chunks(self) -> bytes:
        parts: list[bytes] = []
        while size := int(await self.reader.readline(), 16):
            parts.append(await self.reader.readexactly(size))
            await self.reader.readline()
        await self.reader.readline()
        return b"".join(parts)

    def close(self) -> None:
        """Close the connection."""
        self.writer.close()

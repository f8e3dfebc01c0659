"""RTSP messages as the fake camera reads and writes them (RFC 2326 §4): lenient, and its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Self

REASONS = {
    200: "OK",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    415: "Unsupported Media Type",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    457: "Invalid Range",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    551: "Option not supported",
}

Headers = tuple[tuple[str, str], ...]


def header(headers: Headers, name: str) -> str | None:
    """The first value of a header, whatever the case of its name."""
    return next((value for key, value in headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class Message:
    """A message of the other side: `first` is its first line."""

    first: str
    headers: Headers
    body: bytes

    @property
    def size_bytes(self) -> int:
        """About how many bytes it was on the wire."""
        lines = sum(len(name) + len(value) + 4 for name, value in self.headers)
        return len(self.first) + 4 + lines + len(self.body)

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever the case of its name."""
        return header(self.headers, name)


@dataclass(frozen=True)
class SeenRequest(Message):
    """A request that the camera got: which connection it came on, and when (loop time)."""

    connection: int = 0
    at_s: float = 0.0

    @property
    def method(self) -> str:
        """Such as DESCRIBE."""
        return self.first.split(" ")[0]

    @property
    def uri(self) -> str:
        """The URL as it was asked for."""
        return self.first.split(" ")[1] if " " in self.first else ""


@dataclass(frozen=True)
class Answer:
    """An answer of the camera, before it becomes bytes; CSeq is added when it is sent."""

    status: int = 200
    headers: Headers = ()
    body: bytes = b""
    reason: str = field(default="", kw_only=True)

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever the case of its name."""
        return header(self.headers, name)

    def with_header(self, name: str, value: str | None) -> Self:
        """The answer with this header instead of those of that name; None leaves it out."""
        found = [
            index for index, (key, _) in enumerate(self.headers) if key.lower() == name.lower()
        ]
        kept = [pair for index, pair in enumerate(self.headers) if index not in found]
        if value is not None:
            kept.insert(found[0] if found else len(kept), (name, value))
        return replace(self, headers=tuple(kept))

    def encode(self) -> bytes:
        """The answer as bytes, with a Content-Length when there is a body."""
        lines = [f"RTSP/1.0 {self.status} {self.reason or REASONS.get(self.status, 'Other')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body and self.header("Content-Length") is None:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape") + self.body


async def read_message(reader: asyncio.StreamReader, first_byte: bytes = b"") -> Message:
    """The next message; the connection's end raises IncompleteReadError."""
    head = first_byte + await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("utf-8", "surrogateescape").strip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name.strip(), value.strip()) for name, _, value in pairs)
    length = header(headers, "Content-Length") or "0"
    body = await reader.readexactly(int(length) if length.isdigit() else 0)
    return Message(first, headers, body)

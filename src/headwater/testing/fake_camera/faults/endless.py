"""A camera that never comes to an end: whoever reads it must have bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headwater.testing.fake_camera.fault import Fault
from headwater.testing.fake_camera.message import Answer

if TYPE_CHECKING:
    from headwater.testing.fake_camera.connection import CameraConnection
    from headwater.testing.fake_camera.exchange import Exchange

_PIECE_BYTES = 16_384


async def _without_end(connection: CameraConnection, piece: bytes) -> None:
    """Send a piece again and again, as fast as the client takes it, until it goes."""
    while not connection.gone:
        connection.send(piece)
        await connection.writer.drain()


@dataclass(frozen=True)
class EndlessHeaders(Fault):
    """An answer whose headers, or whose first line, never end."""

    method: str
    line: bytes = b"X-Camera: and so on\r\n"
    """What is repeated; without a line break the line itself does not end."""

    async def deliver(self, exchange: Exchange, encoded: bytes) -> bytes:
        """The head of the answer, and then more of it."""
        if exchange.method != self.method:
            return encoded
        exchange.connection.send(encoded[: encoded.index(b"\r\n\r\n") + 2])
        await _without_end(exchange.connection, self.line * (_PIECE_BYTES // len(self.line)))
        raise ConnectionResetError("the client has gone")


@dataclass(frozen=True)
class EndlessBody(Fault):
    """An answer that announces a huge body, and sends it."""

    method: str = "DESCRIBE"
    content_length: int = 1 << 40

    def answer(self, exchange: Exchange, answer: Answer) -> Answer:
        """The answer with the length that it announces."""
        if exchange.method != self.method:
            return answer
        return answer.with_header("Content-Length", str(self.content_length))

    async def deliver(self, exchange: Exchange, encoded: bytes) -> bytes:
        """The answer, and then more of its body."""
        if exchange.method != self.method:
            return encoded
        exchange.connection.send(encoded)
        await _without_end(exchange.connection, b"a=tool:and so on\r\n" * (_PIECE_BYTES // 18))
        raise ConnectionResetError("the client has gone")


@dataclass(frozen=True)
class LongSdp(Fault):
    """A description that ends, but is far too long."""

    body_bytes: int = 1_000_000
    line: str = "a=tool:and so on\r\n"

    def answer(self, exchange: Exchange, answer: Answer) -> Answer:
        """The description, with lines added until it is so long."""
        if exchange.method != "DESCRIBE" or answer.status != 200:
            return answer
        line = self.line.encode()
        missing = self.body_bytes - len(answer.body)
        return replace(answer, body=answer.body + line * (missing // len(line) + 1))


@dataclass(frozen=True)
class FloodOfRequests(Fault):
    """Asks the client for something, again and again, and does nothing else after a method."""

    after: str = "PLAY"
    asked: str = "OPTIONS"

    async def deliver(self, exchange: Exchange, encoded: bytes) -> bytes:
        """The answer, and then requests without end."""
        if exchange.method != self.after:
            return encoded
        exchange.connection.send(encoded)
        piece = "".join(f"{self.asked} * RTSP/1.0\r\nCSeq: {n}\r\n\r\n" for n in range(200))
        await _without_end(exchange.connection, piece.encode())
        raise ConnectionResetError("the client has gone")

"""A conversation that stops, breaks off, or says what nobody asked for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater.testing.fake_camera.carrier import frame
from headwater.testing.fake_camera.fault import Fault
from headwater.testing.fake_camera.message import Answer
from headwater.testing.fake_camera.rtp import RtpPacket

if TYPE_CHECKING:
    from headwater.testing.fake_camera.connection import CameraConnection
    from headwater.testing.fake_camera.exchange import Exchange

CONNECT = "CONNECT"
"""The step before any request: the TCP connection is there, and nothing comes of it."""


@dataclass(frozen=True)
class Hang(Fault):
    """Says nothing more on a connection from a step on, and reads on until the client goes."""

    step: str
    """CONNECT, or the method whose answer does not come."""
    after_bytes: int = 0
    """So much of the answer comes before."""
    after: int = 0
    """So many requests of this method on a connection are answered well before."""

    async def accept(self, connection: CameraConnection) -> None:
        """Hang at once, if that is the step."""
        if self.step == CONNECT:
            await connection.swallow()

    async def deliver(self, exchange: Exchange, encoded: bytes) -> bytes:
        """Hang after a part of the answer, if this is the step."""
        if exchange.method != self.step or exchange.number <= self.after:
            return encoded
        exchange.connection.send(encoded[: self.after_bytes])
        await exchange.connection.swallow()
        raise AssertionError("swallow() does not return")


@dataclass(frozen=True)
class NoAnswer(Fault):
    """Does what a method asks for, but does not answer; the next request is answered."""

    method: str
    after: int = 0
    """So many requests of this method on a connection are answered well before."""

    async def deliver(self, exchange: Exchange, encoded: bytes) -> bytes:
        """Nothing, for this method."""
        silent = exchange.method == self.method and exchange.number > self.after
        return b"" if silent else encoded


@dataclass(frozen=True)
class CutConnection(Fault):
    """Cuts the connection instead of answering."""

    step: str
    """CONNECT, or the method whose answer does not come."""
    after_bytes: int = 0
    """So much of the answer comes before."""

    async def accept(self, connection: CameraConnection) -> None:
        """Cut at once, if that is the step."""
        if self.step == CONNECT:
            raise ConnectionAbortedError("cut by a fault")

    async def deliver(self, exchange: Exchange, encoded: bytes) -> bytes:
        """Cut after a part of the answer, if this is the step."""
        if exchange.method != self.step:
            return encoded
        connection = exchange.connection
        connection.send(encoded[: self.after_bytes])
        await connection.writer.drain()
        connection.writer.close()
        await connection.writer.wait_closed()
        raise ConnectionAbortedError("cut by a fault")


@dataclass(frozen=True)
class OtherCSeq(Fault):
    """Answers with a CSeq that is not the request's (RFC 2326 §12.17)."""

    method: str
    value: str | None = "4711"
    """None leaves it out."""

    def answer(self, exchange: Exchange, answer: Answer) -> Answer:
        """The answer with the wrong number."""
        return answer.with_header("CSeq", self.value) if exchange.method == self.method else answer


@dataclass(frozen=True)
class Garbage(Fault):
    """Sends bytes instead of an answer, or before it."""

    method: str
    garbage: bytes
    instead: bool = True

    async def deliver(self, exchange: Exchange, encoded: bytes) -> bytes:
        """The garbage, and the answer where it is to follow."""
        if exchange.method != self.method:
            return encoded
        return self.garbage if self.instead else self.garbage + encoded


@dataclass(frozen=True)
class Echo(Fault):
    """Sends the request back instead of an answer, as a service that is no RTSP server may."""

    method: str

    async def deliver(self, exchange: Exchange, encoded: bytes) -> bytes:
        """The request's first line and headers."""
        if exchange.method != self.method:
            return encoded
        lines = (exchange.request.first, *(f"{n}: {v}" for n, v in exchange.request.headers))
        return "\r\n".join((*lines, "", "")).encode()


@dataclass(frozen=True)
class Drip(Fault):
    """Sends an answer byte by byte, with a time between."""

    method: str
    interval_s: float

    async def deliver(self, exchange: Exchange, encoded: bytes) -> bytes:
        """All but the last byte, slowly; the last one follows."""
        if exchange.method != self.method:
            return encoded
        for byte in encoded[:-1]:
            exchange.connection.send(bytes((byte,)))
            await exchange.connection.writer.drain()
            await asyncio.sleep(self.interval_s)
        return encoded[-1:]


@dataclass(frozen=True)
class Ask(Fault):
    """Sends a request of its own to the client, right after the answer to a method."""

    asked: str
    headers: str = ""
    body: bytes = b""
    after: str = "PLAY"

    async def deliver(self, exchange: Exchange, encoded: bytes) -> bytes:
        """The answer, then the request."""
        if exchange.method == self.after:
            connection = exchange.connection
            uri = exchange.camera.url
            exchange.afterwards.append(
                lambda: connection.ask(self.asked, uri, self.headers, self.body)
            )
        return encoded


@dataclass(frozen=True)
class StaleFrames(Fault):
    """Sends interleaved frames of an earlier session as soon as a client connects."""

    count: int = 5
    channel: int = 0

    async def accept(self, connection: CameraConnection) -> None:
        """The frames, before anything was asked."""
        for seq in range(self.count):
            packet = RtpPacket(96, seq, 0, 0xDEAD, b"\x41stale").encode()
            connection.send(frame(self.channel, packet))

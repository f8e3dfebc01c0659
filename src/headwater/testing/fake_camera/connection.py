"""One TCP connection to the camera: requests in, answers and interleaved frames out."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

from headwater.testing.fake_camera import methods
from headwater.testing.fake_camera.carrier import frame
from headwater.testing.fake_camera.exchange import Exchange
from headwater.testing.fake_camera.message import Message, SeenRequest, read_message
from headwater.testing.fake_camera.session import CameraSession

if TYPE_CHECKING:
    from headwater.testing.fake_camera.camera import AsyncFakeCamera


class CameraConnection:
    """Reads until the client goes, or a fault cuts it."""

    def __init__(
        self,
        camera: AsyncFakeCamera,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.camera = camera
        self.number = number
        self.reader = reader
        self.writer = writer
        self.loop = asyncio.get_running_loop()
        self.peer_host: str = writer.get_extra_info("peername")[0]
        self.requests: list[SeenRequest] = []
        self.answers: list[Message] = []
        """What the client answered to requests of the camera."""
        self.frames: list[tuple[int, bytes]] = []
        """Interleaved frames that the client sent: channel and packet."""
        self.sessions: dict[int, CameraSession] = {}
        """The session that each interleaved channel belongs to."""
        self.frames_sent = 0
        self.gone = False
        self._cseq = 0

    async def serve(self) -> None:
        """Answer requests until the connection ends, whoever ends it."""
        try:
            for fault in self.camera.faults:
                await fault.accept(self)
            while True:
                first = await self.reader.readexactly(1)
                if first == b"$":
                    await self._take_frame()
                else:
                    await self._take_message(await read_message(self.reader, first))
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            pass
        finally:
            self.close()

    def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        if not self.gone:
            self.writer.write(data)

    def send_frame(self, channel: int, packet: bytes) -> None:
        """Write an interleaved frame, or what the faults make of it."""
        data = frame(channel, packet)
        for fault in self.camera.faults:
            data = fault.framed(self, data)
        self.frames_sent += 1
        self.send(data)

    def ask(self, method: str, uri: str = "*", headers: str = "", body: bytes = b"") -> None:
        """Send a request to the client, as some cameras do."""
        self._cseq += 1
        lines = f"{method} {uri} RTSP/1.0\r\nCSeq: {self._cseq}\r\n{headers}"
        lines += f"Content-Length: {len(body)}\r\n" if body else ""
        self.send(lines.encode() + b"\r\n" + body)

    async def swallow(self) -> None:
        """Say nothing more; read until the client goes."""
        while await self.reader.read(65_536):
            pass
        raise ConnectionResetError("the client has gone")

    def close(self) -> None:
        """Cut the connection; what was written last may not arrive."""
        if self.gone:
            return
        self.gone = True
        self.writer.transport.abort()
        for session in self.camera.live_sessions:
            bound = session.over_tcp or self.camera.settings.bound_to_connection
            if session.connection is self and bound:
                session.end("its connection ended")
        self.camera.changed()

    async def _take_frame(self) -> None:
        channel, length = struct.unpack(">BH", await self.reader.readexactly(3))
        packet = await self.reader.readexactly(length)
        for fault in self.camera.faults:
            await fault.heard(self, 4 + length)
        self.frames.append((channel, packet))
        session = self.sessions.get(channel)
        if session is not None:
            session.hear(packet)

    async def _take_message(self, message: Message) -> None:
        for fault in self.camera.faults:
            await fault.heard(self, message.size_bytes)
        if message.first.startswith("RTSP/"):
            self.answers.append(message)
            self.camera.changed()
            return
        request = SeenRequest(
            message.first, message.headers, message.body, self.number, self.loop.time()
        )
        self.requests.append(request)
        number = sum(seen.method == request.method for seen in self.requests)
        session = self.camera.session_of(request)
        if session is not None and request.method in self.camera.settings.alive_by:
            session.sign_of_life()
        exchange = Exchange(self.camera, self, request, session, number)
        self.camera.requests.append(request)
        self.camera.changed()
        await self._answer(exchange)

    async def _answer(self, exchange: Exchange) -> None:
        faults = self.camera.faults
        answer = next((a for fault in faults if (a := fault.request(exchange)) is not None), None)
        if answer is None:
            answer = methods.answer(exchange)
        cseq = exchange.request.header("CSeq")
        if self.camera.settings.server:
            answer = answer.with_header("Server", self.camera.settings.server)
        answer = answer.with_header("CSeq", cseq) if cseq is not None else answer
        for fault in faults:
            answer = fault.answer(exchange, answer)
        data = answer.encode()
        for fault in faults:
            data = await fault.deliver(exchange, data)
        self.send(data)
        for action in exchange.afterwards:
            action()
        await self.writer.drain()

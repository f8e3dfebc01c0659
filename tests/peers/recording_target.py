"""A server that records as far as the headers, and then reads nothing, or answers nothing."""

from __future__ import annotations

import asyncio
import socket
from typing import Self

DEADLINE_S = 10.0
KEEP_ALIVES = ("GET_PARAMETER", "SET_PARAMETER", "OPTIONS")


class StuckTarget:
    """Answers up to RECORD.

    Behind it the target reads nothing more, or with `keep_alives` it reads all and answers that
    many keep-alives.
    """

    def __init__(self, *, keep_alives: int | None = None) -> None:
        self.keep_alives_asked = 0
        self._asked = asyncio.Condition()
        self.keep_alives_answered = 0
        self._most_answers = keep_alives
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where to publish."""
        port: int = self._server.sockets[0].getsockname()[1]
        return f"rtsp://127.0.0.1:{port}/stuck"

    async def asked_again(self, before: int) -> None:
        """Wait until there were more keep-alives than before."""
        async with asyncio.timeout(DEADLINE_S):
            async with self._asked:
                await self._asked.wait_for(lambda: self.keep_alives_asked > before)

    async def __aenter__(self) -> Self:
        # A small window, so that little is taken before nothing is.
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.bind(("127.0.0.1", 0))
        self._server = await asyncio.start_server(self._serve, sock=sock, limit=4096)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.append(writer)
        recording = False
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
            except asyncio.IncompleteReadError:
                return
            method = head.split(" ", 1)[0]
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            await reader.readexactly(int(fields.get("Content-Length", 0)))
            if recording and method in KEEP_ALIVES:
                async with self._asked:
                    self.keep_alives_asked += 1
                    self._asked.notify_all()
                if self.keep_alives_asked > (self._most_answers or 0):
                    continue
                self.keep_alives_answered += 1
            transport = fields.get("Transport", "")
            if "client_port" in transport:
                transport += ";server_port=40000-40001"
            writer.write(
                f"RTSP/1.0 200 OK\r\nCSeq: {fields['CSeq']}\r\nSession: 12345678;timeout=60\r\n"
                f"Public: OPTIONS, GET_PARAMETER\r\nTransport: {transport}\r\n\r\n".encode()
            )
            recording = recording or method == "RECORD"
            if recording and self._most_answers is None:
                await asyncio.Event().wait()

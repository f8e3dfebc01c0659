"""A page that plays by MSE, without the pictures: it says what it plays and keeps what comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Self

import websockets
from websockets.asyncio.client import ClientConnection

_DEADLINE_S = 30.0
EVERYTHING = "avc1.640029,hvc1.1.6.L153.B0,av01.0.08M.08,vp09.00.41.08,mp4a.40.2,opus,flac"


class MsePeer:
    """One WebSocket.

    Attributes:
        said: the text messages that came.
        media: the binary messages that came, initialisation segments among them.
        inits: which of them are initialisation segments, by their place.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.said: list[dict[str, Any]] = []
        self.media: list[bytes] = []
        self.inits: list[int] = []
        self._news = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, port: int, path: str, **options: Any) -> Self:
        """Connect, and say nothing yet."""
        url = f"ws://127.0.0.1:{port}{path}/mse"
        return cls(await websockets.connect(url, max_size=None, **options))

    @classmethod
    async def watch(cls, port: int, path: str, plays: str = EVERYTHING, **options: Any) -> Self:
        """Connect, say what it plays, and take what comes."""
        peer = await cls.connect(port, path, **options)
        await peer.say({"type": "mse", "value": plays})
        peer.read()
        return peer

    async def say(self, message: object) -> None:
        """Send a message."""
        await self.socket.send(message if isinstance(message, str) else json.dumps(message))

    def read(self) -> None:
        """Take what comes from now on."""
        self._reading = asyncio.create_task(self._read())

    @property
    def mime_type(self) -> str:
        """The last MIME type that was told."""
        value: str = self.said[-1]["value"]
        return value

    @property
    def file(self) -> bytes:
        """All of the media in a row, which is a file."""
        return b"".join(self.media)

    @property
    def frames(self) -> int:
        """How many fragments came."""
        return len(self.media) - len(self.inits)

    async def until(self, ready: Callable[[], object]) -> None:
        """Wait until something holds that messages bring."""
        try:
            async with asyncio.timeout(_DEADLINE_S):
                while not ready():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            told = f"{self.frames} frames and {self.said} came"
            raise AssertionError(told) from None

    async def ended(self) -> tuple[int | None, str | None]:
        """Wait for the end; return its code and reason."""
        assert self._reading is not None
        async with asyncio.timeout(_DEADLINE_S):
            await self._reading
        return self.socket.close_code, self.socket.close_reason

    async def close(self) -> None:
        """Leave."""
        await self.socket.close()
        if self._reading is not None:
            await self._reading

    async def _read(self) -> None:
        try:
            async for message in self.socket:
                if isinstance(message, str):
                    self.said.append(json.loads(message))
                else:
                    if message[4:8] == b"ftyp":
                        self.inits.append(len(self.media))
                    self.media.append(message)
                self._news.set()
        except websockets.ConnectionClosed:
            pass
        self._news.set()

"""A conversation with a fake camera, byte by byte: what a test of a fault looks at."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from rtsp_peer import Answer, RtspPeer

from headwater.testing.fake_camera import AsyncFakeCamera

TCP, UDP = "RTP/AVP/TCP;unicast;interleaved={0}-{1}", "RTP/AVP;unicast;client_port={2}-{3}"
AGENT = {"User-Agent": "test"}


@dataclass
class Rtp:
    """An RTP packet, taken apart."""

    data: bytes
    channel: int = 0

    @property
    def marker(self) -> bool:
        return bool(self.data[1] & 0x80)

    @property
    def payload_type(self) -> int:
        return self.data[1] & 0x7F

    @property
    def seq(self) -> int:
        return int.from_bytes(self.data[2:4], "big")

    @property
    def timestamp(self) -> int:
        return int.from_bytes(self.data[4:8], "big")

    @property
    def ssrc(self) -> int:
        return int.from_bytes(self.data[8:12], "big")

    @property
    def payload(self) -> bytes:
        return self.data[12:]


class CameraTalk:
    """One client's conversation with a camera; its answers are kept by their method."""

    def __init__(self, camera: AsyncFakeCamera, peer: RtspPeer) -> None:
        self.camera = camera
        self.peer = peer
        self.session: dict[str, str] = {}
        self.ports = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for sock in self.ports:
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        self.reader = peer.reader

    @classmethod
    @asynccontextmanager
    async def to(cls, camera: AsyncFakeCamera) -> AsyncIterator[Self]:
        """A conversation by a connection of its own."""
        talk = cls(camera, await RtspPeer.connect(camera.port))
        try:
            yield talk
        finally:
            talk.peer.abort()
            for sock in talk.ports:
                sock.close()

    @classmethod
    @asynccontextmanager
    async def with_one(cls, camera: AsyncFakeCamera) -> AsyncIterator[Self]:
        """A conversation with a camera that is switched on for it."""
        async with camera, cls.to(camera) as talk:
            yield talk

    async def ask(self, method: str, uri: str = "", **headers: str) -> Answer:
        """Ask the camera for something, in its session once there is one."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        await self.peer.send(
            self.peer.request(method, uri or self.camera.url, AGENT | self.session | named)
        )
        return await self.peer.answer()

    async def setup(self, index: int = 0, transport: str = TCP, **headers: str) -> Answer:
        """Set a track up, by the camera's own idea of its URL."""
        ports = [sock.getsockname()[1] for sock in self.ports]
        offer = transport.format(2 * index, 2 * index + 1, *ports)
        uri = self.camera.track_url(index)
        answer = await self.ask("SETUP", uri, Transport=offer, **headers)
        if answer.status == 200 and not self.session:
            self.session = {"Session": answer.session.partition(" ")[0]}
        return answer

    async def play(self, transport: str = TCP) -> Answer:
        """All that it takes to play every track; the answer to PLAY."""
        await self.ask("DESCRIBE")
        for index in range(len(self.camera.settings.tracks)):
            await self.setup(index, transport)
        return await self.ask("PLAY")

    async def packets(self, count: int, channel: int = 0) -> list[Rtp]:
        """The next packets that came by TCP on a channel."""
        found: list[Rtp] = []
        while len(found) < count:
            got, data = await self.peer.frame()
            if got == channel:
                found.append(Rtp(data, got))
        return found

    async def pictures(self, count: int) -> list[list[Rtp]]:
        """The packets of the next access units of the first track, by marker."""
        units: list[list[Rtp]] = [[]]
        while len(units) <= count:
            (packet,) = await self.packets(1)
            units[-1].append(packet)
            if packet.marker:
                units.append([])
        return units[:count]

    async def report(self) -> bytes:
        """The next RTCP packet of the first track that came by TCP."""
        return (await self.packets(1, 1))[0].data

    async def datagram(self) -> tuple[Rtp, int]:
        """The next packet that came by UDP, and the port that it came from."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            data, address = await loop.sock_recvfrom(self.ports[0], 65_536)
        return Rtp(data), address[1]

    async def request(self) -> tuple[str, bytes]:
        """The next request of the camera: its first line, and its body."""
        async with asyncio.timeout(10):
            while True:
                first = await self.reader.readexactly(1)
                if first == b"$":
                    (length,) = struct.unpack(">xH", await self.reader.readexactly(3))
                    await self.reader.readexactly(length)
                    continue
                head = (first + await self.reader.readuntil(b"\r\n\r\n")).decode()
                lengths = [
                    line[15:] for line in head.split("\r\n") if line[:15] == "Content-Length:"
                ]
                body = await self.reader.readexactly(int(lengths[0]) if lengths else 0)
                return head.split("\r\n")[0], body

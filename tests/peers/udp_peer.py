"""Publishers and readers over UDP, on socket pairs of their own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Self

from rtsp_peer import DEADLINE_S, Answer, RtspPeer, rtp

OPEN: list[UdpPair] = []
"""Pairs of the running test, closed when its server is gone."""


async def wait_for(condition: Callable[[], object]) -> None:
    """Until a fact that no message tells of has come true."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - nothing in another process sets an event
            await asyncio.sleep(0.002)


def port_from(answer: Answer, name: str) -> int:
    """The first port of a pair in the Transport header of an answer."""
    transport = answer.header("Transport") or ""
    return int(transport.partition(f"{name}=")[2].partition(";")[0].partition("-")[0])


class UdpPair:
    """An even port for RTP and the odd one above it for RTCP."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.opened_by = asyncio.current_task()
        while True:
            self.rtp = self._bound(0)
            self.port = self.rtp.getsockname()[1]
            try:
                if self.port % 2:
                    raise OSError("odd")
                self.rtcp = self._bound(self.port + 1)
            except OSError:
                self.rtp.close()
                continue
            break
        OPEN.append(self)

    @property
    def client_port(self) -> str:
        return f"client_port={self.port}-{self.port + 1}"

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()

    async def packet(self, sock: socket.socket | None = None) -> bytes:
        """The next RTP packet, or what comes to another socket."""
        async with asyncio.timeout(DEADLINE_S):
            return await asyncio.get_running_loop().sock_recv(sock or self.rtp, 65536)

    def nothing_waits(self) -> bool:
        """Whether neither socket has a datagram right now."""
        for sock in (self.rtp, self.rtcp):
            try:
                sock.recv(65536)
            except BlockingIOError:
                continue
            return False
        return True

    def _bound(self, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.bind((self.host, port))
        except OSError:
            sock.close()
            raise
        sock.setblocking(False)
        return sock

    @staticmethod
    def close_all() -> None:
        for pair in OPEN:
            pair.close()
        OPEN.clear()


class UdpReader(UdpPair):
    """A reader that receives one track on its pair."""

    async def setup(self, peer: RtspPeer, url: str, track: int = 0, **headers: str) -> Answer:
        transport = f"RTP/AVP;unicast;{self.client_port}"
        return await peer.ask("SETUP", f"{url}/trackID={track}", {"Transport": transport} | headers)

    @classmethod
    async def start(cls, port: int, url: str, host: str = "127.0.0.1") -> Self:
        """A reader of the first track, playing."""
        reader = cls(host)
        reader.peer = await RtspPeer.connect(port, host)
        setup = await reader.setup(reader.peer, url)
        assert setup.status == 200, setup
        reader.url, reader.session = url, setup.session
        reader.server_port = port_from(setup, "server_port")
        play = await reader.peer.ask("PLAY", url, {"Session": setup.session})
        assert play.status == 200, play
        return reader

    peer: RtspPeer
    url: str
    session: str
    server_port: int


class UdpPublisher(UdpPair):
    """A publisher of one video track over UDP, recording."""

    peer: RtspPeer
    url: str
    session: str
    server_port: int
    seq: int = 0

    @classmethod
    async def start(cls, port: int, url: str, host: str = "127.0.0.1") -> UdpPublisher:
        publisher = cls(host)
        peer = publisher.peer = await RtspPeer.connect(port, host)
        announced = await peer.announce(url)
        assert announced.status == 200, announced
        publisher.url, publisher.session = url, announced.session
        headers = {"Session": announced.session}
        transport = {"Transport": f"RTP/AVP/UDP;unicast;{publisher.client_port};mode=record"}
        setup = await peer.ask("SETUP", f"{url}/streamid=0", headers | transport)
        assert setup.status == 200, setup
        publisher.server_port = port_from(setup, "server_port")
        record = await peer.ask("RECORD", url, headers)
        assert record.status == 200, record
        return publisher

    def send(self, count: int = 1) -> list[bytes]:
        """Send some key frames of one packet each; return them."""
        packets = [rtp(self.seq + index) for index in range(count)]
        self.seq += count
        for packet in packets:
            self.rtp.sendto(packet, (self.host, self.server_port))
        return packets

    def send_rtcp(self, packet: bytes) -> None:
        self.rtcp.sendto(packet, (self.host, self.server_port + 1))

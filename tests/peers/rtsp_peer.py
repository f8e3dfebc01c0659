"""A raw RTSP peer for tests: writes bytes, reads answers, knows nothing of the server's code."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass, field
from typing import Any, Self

DEADLINE_S = 30.0


OPEN: list[RtspPeer] = []
"""Keeps connections of a test open until its server is gone, whoever drops the reference."""


@dataclass
class Answer:
    """A response as it came off the wire."""

    status: int
    reason: str
    headers: dict[str, list[str]] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        values = self.headers.get(name.lower())
        return values[0] if values else None

    @property
    def session(self) -> str:
        value = self.header("Session")
        assert value is not None, f"no Session header in {self.status} {self.headers}"
        return value.partition(";")[0]


class RtspPeer:
    """One TCP connection to the server under test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.loop = asyncio.get_running_loop()
        self.opened_by = asyncio.current_task()
        self.cseq = 0
        self.frames: list[tuple[int, bytes]] = []

    @classmethod
    async def connect(cls, port: int, host: str = "127.0.0.1", **options: Any) -> RtspPeer:
        peer = cls(*await asyncio.open_connection(host, port, **options))
        OPEN.append(peer)
        return peer

    @classmethod
    async def over(cls, sock: socket.socket) -> RtspPeer:
        """A peer on a socket that is connected already."""
        peer = cls(*await asyncio.open_connection(sock=sock))
        OPEN.append(peer)
        return peer

    @property
    def local_port(self) -> int:
        port: int = self.writer.get_extra_info("sockname")[1]
        return port

    @property
    def transport(self) -> asyncio.Transport:
        transport = self.writer.transport
        assert isinstance(transport, asyncio.Transport)
        return transport

    def stop_reading(self) -> None:
        """Take nothing more off the socket: what the server sends piles up."""
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take what has piled up, and what comes."""
        self.transport.resume_reading()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def ask(
        self,
        method: str,
        uri: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Send a request and return its answer; frames that come before it are kept."""
        await self.send(self.request(method, uri, headers, body))
        answer = await self.answer()
        assert answer.header("CSeq") == str(self.cseq), answer
        return answer

    async def announce(self, uri: str, sdp: bytes = b"") -> Answer:
        """Announce a presentation, one track of video unless told."""
        kind = {"Content-Type": "application/sdp"}
        return await self.ask("ANNOUNCE", uri, kind, sdp or SDP_VIDEO)

    def request(
        self,
        method: str,
        uri: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> bytes:
        self.cseq += 1
        lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {self.cseq}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join((*lines, "", "")).encode() + body

    async def answer(self) -> Answer:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                first = await self.reader.readexactly(1)
                if first == b"$":
                    await self._take_frame()
                    continue
                return await self._take_answer(first)

    async def frame(self) -> tuple[int, bytes]:
        """The next interleaved frame: channel and packet."""
        if self.frames:
            return self.frames.pop(0)
        async with asyncio.timeout(DEADLINE_S):
            first = await self.reader.readexactly(1)
            assert first == b"$", first + await self.reader.readline()
            await self._take_frame()
        return self.frames.pop(0)

    async def closed(self) -> bytes:
        """Wait until the server closes, and return what came before."""
        async with asyncio.timeout(DEADLINE_S):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (ConnectionError, BrokenPipeError):
            return

    def abort(self) -> None:
        self.writer.transport.abort()

    def reset(self) -> None:
        """Close with a reset, as a peer that crashed does."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    @staticmethod
    def forget_all() -> None:
        """Drop every connection that a test left open."""
        for peer in OPEN:
            if not peer.loop.is_closed():
                peer.abort()
        OPEN.clear()

    async def _take_frame(self) -> None:
        channel, length = struct.unpack(">BH", await self.reader.readexactly(3))
        self.frames.append((channel, await self.reader.readexactly(length)))

    async def _take_answer(self, first: bytes) -> Answer:
        line = (first + await self.reader.readline()).decode().rstrip("\r\n")
        version, status, reason = line.split(" ", 2)
        assert version == "RTSP/1.0", line
        answer = Answer(int(status), reason)
        while True:
            line = (await self.reader.readline()).decode().rstrip("\r\n")
            if not line:
                break
            name, _, value = line.partition(":")
            answer.headers.setdefault(name.strip().lower(), []).append(value.strip())
        length = int(answer.header("Content-Length") or 0)
        answer.body = await self.reader.readexactly(length)
        return answer


SDP = (
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    b"a=fmtp:96 packetization-mode=1\r\na=control:streamid=0\r\n"
    b"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\na=control:streamid=1\r\n"
)

SDP_VIDEO = SDP[: SDP.index(b"m=audio")]


def rtp(
    seq: int, *, timestamp: int | None = None, ssrc: int = 0x1234, payload: bytes = b""
) -> bytes:
    """An RTP packet of payload type 96; without a payload it is an IDR slice."""
    when = seq * 3000 if timestamp is None else timestamp
    header = struct.pack(">BBHII", 0x80, 0x80 | 96, seq & 0xFFFF, when & 0xFFFFFFFF, ssrc)
    return header + (payload or b"\x65\x88" + seq.to_bytes(4, "big") * 4)


def frame(channel: int, packet: bytes) -> bytes:
    """The packet as an interleaved frame."""
    return struct.pack(">cBH", b"$", channel, len(packet)) + packet


class TcpPublisher:
    """A publisher over interleaved TCP, recording."""

    def __init__(self, peer: RtspPeer, url: str, session: str) -> None:
        self.peer = peer
        self.url = url
        self.session = session
        self.seq = 0

    @classmethod
    async def start(
        cls, port: int, url: str, sdp: bytes = SDP_VIDEO, *, peer: RtspPeer | None = None
    ) -> TcpPublisher:
        peer = peer or await RtspPeer.connect(port)
        announced = await peer.announce(url, sdp)
        assert announced.status == 200, announced
        session = announced.session
        for index in range(sdp.count(b"m=")):
            setup = await peer.ask(
                "SETUP",
                f"{url}/streamid={index}",
                {
                    "Transport": f"RTP/AVP/TCP;unicast;interleaved={2 * index}-{2 * index + 1}"
                    ";mode=record",
                    "Session": session,
                },
            )
            assert setup.status == 200, setup
        record = await peer.ask("RECORD", url, {"Session": session, "Range": "npt=0.000-"})
        assert record.status == 200, record
        return cls(peer, url, session)

    async def send(self, count: int = 1) -> list[bytes]:
        """Send some key frames of one packet each on the first track; return them."""
        packets = [rtp(self.seq + index) for index in range(count)]
        self.seq += count
        await self.peer.send(b"".join(frame(0, packet) for packet in packets))
        return packets


class TcpReader:
    """A reader over interleaved TCP, playing."""

    def __init__(self, peer: RtspPeer, url: str, session: str, play: Answer) -> None:
        self.peer = peer
        self.url = url
        self.session = session
        self.play = play

    @classmethod
    async def start(
        cls,
        port: int,
        url: str,
        tracks: int = 1,
        *,
        sock: socket.socket | None = None,
        peer: RtspPeer | None = None,
    ) -> Self:
        if sock is not None:
            peer = await RtspPeer.over(sock)
        elif peer is None:
            peer = await RtspPeer.connect(port)
        described = await peer.ask("DESCRIBE", url, {"Accept": "application/sdp"})
        assert described.status == 200, described
        headers: dict[str, str] = {}
        for index in range(tracks):
            setup = await peer.ask(
                "SETUP",
                f"{url}/trackID={index}",
                headers
                | {"Transport": f"RTP/AVP/TCP;unicast;interleaved={2 * index}-{2 * index + 1}"},
            )
            assert setup.status == 200, setup
            headers = {"Session": setup.session}
        play = await peer.ask("PLAY", url, headers)
        assert play.status == 200, play
        return cls(peer, url, headers["Session"], play)

    async def comes(self, sent: bytes) -> list[bytes]:
        """Wait for a packet; returns all that came, without headers: each server has its own."""
        got: list[bytes] = []
        while not got or got[-1] != sent[12:]:
            got.append((await self.peer.frame())[1][12:])
        return got

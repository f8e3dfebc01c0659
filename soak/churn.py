"""Peers that come and go: publishers and readers, polite and rude ones, browsers, and some that
are wrong."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import rtsp_peer
import udp_peer
from own_ports import free_port
from rtsp_peer import SDP, SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader
from udp_peer import UdpPublisher, UdpReader

from soak.web_lives import WebLives

CHURN_MOUNTS = 12
SESSION_TIMEOUT_S = 30.0
_LONGEST_LIFE_S = 60.0
_WRONG_BYTES: tuple[bytes, ...] = (
    b"",
    b"\x00" * 64,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * RTSP/9.9\r\nCSeq: 1\r\n\r\n",
    b"OPTIONS * RTSP/1.0\r\n\r\n",
    b"DESCRIBE rtsp://h/half RTSP/1.0\r\nCSeq: 1\r\nAcc",
    b"ANNOUNCE rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 99999999\r\n\r\n",
    b"$\x00\x00\x10" + bytes(16) + b"$\x05\xff\xff" + bytes(100),
    b"X" * 20_000,
)
_WRONG_REQUESTS: tuple[tuple[str, str, dict[str, str], bytes], ...] = (
    ("DESCRIBE", "/nobody", {}, b""),
    ("DESCRIBE", "/../etc/passwd", {}, b""),
    ("FROBNICATE", "/steady", {}, b""),
    ("PLAY", "/steady", {}, b""),
    ("PLAY", "/steady", {"Session": "0" * 24}, b""),
    ("TEARDOWN", "/steady", {"Session": "what-is-this"}, b""),
    ("SETUP", "/steady/trackID=0", {}, b""),
    ("SETUP", "/steady/trackID=0", {"Transport": "RAW/RAW/UDP;unicast"}, b""),
    ("SETUP", "/steady/trackID=9", {"Transport": "RTP/AVP/TCP;interleaved=0-1"}, b""),
    (
        "SETUP",
        "/steady/trackID=0",
        {"Transport": "RTP/AVP;unicast;client_port=5000-5001;destination=192.0.2.9"},
        b"",
    ),
    ("ANNOUNCE", "/wrong", {"Content-Type": "application/sdp"}, b"no sdp at all"),
    ("ANNOUNCE", "/wrong", {"Content-Type": "text/html"}, SDP),
    ("ANNOUNCE", "/steady", {"Content-Type": "application/sdp"}, SDP),
    ("RECORD", "/wrong", {}, b""),
    ("OPTIONS", "/steady", {"Require": "flying"}, b""),
)


class Churn:
    """Lives one after another in as many tasks as asked for, until cancelled: an `Unrest`.

    Attributes:
        lives: how often each kind of life was lived to its end.
        failures: what peers met that they must not meet, by text.
    """

    def __init__(self, peers: int, *, seed: int) -> None:
        self._peers = peers
        self._port = 0
        self._random = random.Random(seed)
        self._free_mounts = [f"/churn/{number}" for number in range(CHURN_MOUNTS)]
        self._published: list[str] = []
        self._kills = 0
        self._web_port = free_port()
        web = WebLives(self._web_port, self._random)
        self.lives: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self._kinds: tuple[tuple[int, str, Callable[[], Coroutine[None, None, None]]], ...] = (
            (3, "publisher over TCP", self._tcp_publisher),
            (3, "publisher over UDP", self._udp_publisher),
            (5, "reader over TCP", self._tcp_reader),
            (5, "reader over UDP", self._udp_reader),
            (2, "reader that takes nothing", self._stalled_reader),
            (2, "wrong bytes", self._wrong_bytes),
            (3, "wrong requests", self._wrong_requests),
            (1, "publisher that only announces", self._announcer),
            (1, "session without PLAY", self._half_reader),
            (2, "player of HLS", web.hls_player),
            (2, "browser refused MSE", web.refused),
        )

    async def settings(self) -> dict[str, dict[str, Any]]:
        """Have what dead peers left time out soon, and a port for browsers."""
        return {
            "sessions": {"timeout_s": SESSION_TIMEOUT_S},
            "http": {"port": self._web_port},
            "webrtc": {"port": 0},
        }

    async def begin(self, port: int) -> None:
        """Learn where the server is."""
        self._port = port

    def note_kill(self) -> None:
        """Expect anything of the lives that are lived now."""
        self._kills += 1

    async def calm(self) -> None:
        """Do nothing: who was there is gone."""

    async def end(self) -> None:
        """Do nothing: nothing was kept open."""

    async def run(self) -> None:
        """Keep so many peers alive at a time."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._peers):
                group.create_task(self._live_on())

    async def _live_on(self) -> None:
        weights = [weight for weight, _, _ in self._kinds]
        while True:
            await asyncio.sleep(self._random.uniform(0.0, 0.5))
            _, name, life = self._random.choices(self._kinds, weights)[0]
            kills = self._kills
            task = asyncio.ensure_future(life())
            try:
                await asyncio.wait_for(task, _LONGEST_LIFE_S)
            except (AssertionError, TimeoutError) as error:
                if kills == self._kills:
                    self._note_failure(name, error)
                else:
                    self.lives[f"{name}, met a kill"] += 1
            except (asyncio.IncompleteReadError, OSError):
                # A mount closed beneath its reader, or the server hung up on what was wrong.
                self.lives[f"{name}, cut off"] += 1
            else:
                self.lives[name] += 1
            finally:
                _forget(task)

    def _note_failure(self, name: str, error: BaseException) -> None:
        text = str(error)
        # A mount may go between its being chosen and DESCRIBE, SETUP or PLAY.
        if any(f"Answer(status={status}" in text for status in (404, 454)):
            self.lives[f"{name}, mount gone"] += 1
        # A UDP reader that left without a word keeps its ports until its session's time-out; the
        # system may have given them to the next one by then.
        elif "Answer(status=461" in text and "receives this track on port" in text:
            self.lives[f"{name}, ports still held"] += 1
        else:
            self.failures[f"{name}: {type(error).__name__} {text[:400]}"] += 1

    def _url(self, path: str) -> str:
        return f"rtsp://127.0.0.1:{self._port}{path}"

    async def _pause(self, longest_s: float) -> None:
        await asyncio.sleep(self._random.uniform(0.02, longest_s))

    async def _leave(self, peer: RtspPeer, url: str, session: str) -> None:
        """TEARDOWN, a plain close or a reset, as it happens."""
        match self._random.randrange(3):
            case 0:
                await peer.send(peer.request("TEARDOWN", url, {"Session": session}))
                await peer.close()
            case 1:
                await peer.close()
            case _:
                peer.reset()

    @asynccontextmanager
    async def _mount(self) -> AsyncIterator[str | None]:
        """A path that no other publisher of ours has; none when all are taken."""
        if not self._free_mounts:
            yield None
            return
        path = self._free_mounts.pop(self._random.randrange(len(self._free_mounts)))
        try:
            yield path
        finally:
            self._free_mounts.append(path)

    @asynccontextmanager
    async def _listed(self, path: str) -> AsyncIterator[None]:
        self._published.append(path)
        try:
            yield
        finally:
            self._published.remove(path)

    async def _tcp_publisher(self) -> None:
        async with self._mount() as path:
            if path is None:
                return
            publisher = await TcpPublisher.start(self._port, self._url(path))
            async with self._listed(path):
                for _ in range(self._random.randrange(1, 100)):
                    await publisher.send(self._random.randrange(1, 12))
                    await asyncio.sleep(0.04)
            await self._leave(publisher.peer, publisher.url, publisher.session)

    async def _udp_publisher(self) -> None:
        async with self._mount() as path:
            if path is None:
                return
            publisher = await UdpPublisher.start(self._port, self._url(path))
            async with self._listed(path):
                for _ in range(self._random.randrange(1, 100)):
                    publisher.send(self._random.randrange(1, 12))
                    await asyncio.sleep(0.04)
            await self._leave(publisher.peer, publisher.url, publisher.session)
            # Without a word the server needs a moment to know that this one is gone.
            await asyncio.sleep(4.0)

    def _any_mount(self) -> str:
        return self._random.choice([*self._published, "/steady"])

    async def _tcp_reader(self) -> None:
        path = self._any_mount()
        reader = await TcpReader.start(self._port, self._url(path))
        for _ in range(self._random.randrange(1, 150)):
            try:
                await reader.peer.frame()
            except TimeoutError:
                # Its publisher is gone, and the mount waits for another.
                if path in {*self._published, "/steady"}:
                    raise
                break
        if self._random.random() < 0.3:
            headers = {"Session": reader.session}
            await reader.peer.ask("PAUSE", reader.url, headers)
            await self._pause(0.5)
            await reader.peer.ask("PLAY", reader.url, headers)
            await reader.peer.frame()
        await self._leave(reader.peer, reader.url, reader.session)

    async def _udp_reader(self) -> None:
        path = self._any_mount()
        reader = await UdpReader.start(self._port, self._url(path))
        for _ in range(self._random.randrange(1, 150)):
            try:
                await reader.packet()
            except TimeoutError:
                # Over UDP the end of a mount is silence.
                if path in {*self._published, "/steady"}:
                    raise
                break
        await self._leave(reader.peer, reader.url, reader.session)

    async def _stalled_reader(self) -> None:
        reader = await TcpReader.start(self._port, self._url("/steady"))
        reader.peer.writer.transport.pause_reading()
        await self._pause(15.0)
        reader.peer.reset()

    async def _wrong_bytes(self) -> None:
        peer = await RtspPeer.connect(self._port)
        await peer.send(self._random.choice(_WRONG_BYTES))
        await self._pause(0.3)
        await peer.send(self._random.randbytes(self._random.randrange(400)))
        await self._pause(0.3)

    async def _wrong_requests(self) -> None:
        peer = await RtspPeer.connect(self._port)
        for _ in range(self._random.randrange(1, 6)):
            method, path, headers, body = self._random.choice(_WRONG_REQUESTS)
            answer = await peer.ask(method, self._url(path), headers, body)
            assert 400 <= answer.status < 600, f"{method} {path}: {answer}"
            assert answer.status != 500, f"{method} {path}: {answer}"

    async def _announcer(self) -> None:
        async with self._mount() as path:
            if path is None:
                return
            peer = await RtspPeer.connect(self._port)
            headers = {"Content-Type": "application/sdp"}
            answer = await peer.ask("ANNOUNCE", self._url(path), headers, SDP_VIDEO)
            assert answer.status == 200, answer
            await self._pause(2.0)

    async def _half_reader(self) -> None:
        reader = UdpReader()
        peer = await RtspPeer.connect(self._port)
        answer = await reader.setup(peer, self._url("/steady"))
        assert answer.status == 200, answer
        await self._pause(1.0)


def _forget(task: asyncio.Task[None]) -> None:
    """End all that a life has opened, whatever became of it."""
    for peer in [peer for peer in rtsp_peer.OPEN if peer.opened_by is task]:
        rtsp_peer.OPEN.remove(peer)
        peer.abort()
    for pair in [pair for pair in udp_peer.OPEN if pair.opened_by is task]:
        udp_peer.OPEN.remove(pair)
        pair.close()

"""Requests that are endless, slow, forged or many: each is refused by a clear status, and those who
watch meanwhile miss no picture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import websockets
from films import film
from http_peer import HttpPeer, fetch
from inside import inside
from mse_peer import MsePeer
from published_film import PublishedFilm
from server_rig import LoopClock
from waiting import holds
from web_rig import WebFactory, WebServer
from webrtc_peer import WebRtcPeer

from headwater import LimitSettings, MountSettings

PICTURES = 24
CROWD = 30
PATIENCE_S = 20.0
"""How long the server waits for a request, or for a browser's first message."""


@dataclass
class Watched:
    """A film, and two who watch it: they have to see all of it, whatever others do."""

    web: WebServer
    film: PublishedFilm
    by_whep: WebRtcPeer
    by_mse: MsePeer

    async def goes_on(self) -> None:
        """Wait until both have seen one picture more."""
        self.film.show(1)
        shown = self.film.position
        await self.by_whep.until(lambda: self._seen_by_whep() == shown)
        await self.by_mse.until(lambda: self.by_mse.frames == shown)

    def _seen_by_whep(self) -> int:
        return sum(packet[1] >> 7 for packet in self.by_whep.media)


@pytest.fixture
async def watched(start_web: WebFactory) -> AsyncIterator[Watched]:
    """A server that waits for its publisher while a test lets time pass."""
    # On a slow machine a flood takes longer than a browser has for its first message.
    limits = LimitSettings(connections_per_address=2 * CROWD, request_timeout_s=PATIENCE_S)
    mounts = MountSettings(publisher_idle_timeout_s=0)
    web = await start_web(settings={"limits": limits, "mounts": mounts})
    shown = PublishedFilm(web.server, film("h264").rtp)
    shown.show(2)
    by_whep = await WebRtcPeer.watch(web.port, "/front")
    by_mse = await MsePeer.watch(web.port, "/front")
    watched = Watched(web, shown, by_whep, by_mse)
    await watched.goes_on()
    yield watched
    while shown.position < PICTURES:
        await watched.goes_on()
    await by_whep.close()
    await by_mse.close()


async def test_headers_without_an_end(watched: Watched) -> None:
    peers = [await HttpPeer.connect(watched.web.port) for _ in range(CROWD)]
    for peer in peers:
        peer.write(b"GET /front HTTP/1.1\r\n")
    for _ in range(5):
        for peer in peers:
            peer.write(b"X-More: %b\r\n" % (b"a" * 5_000))
        await watched.goes_on()
    for peer in peers:
        assert (await peer.answer()).status == 431
        await peer.close()


async def test_slow_requests(watched: Watched, clock: LoopClock) -> None:
    peers = [await HttpPeer.connect(watched.web.port) for _ in range(CROWD)]
    connections = inside(watched.web.server).web.door.connections
    for peer in peers:
        peer.write(b"POST /front/whep HTTP/1.1\r\nHost: x\r\n")
    await holds(lambda: sum(one._head_began_s is not None for one in connections) == CROWD)
    await watched.goes_on()
    clock.advance(PATIENCE_S + 1)
    # A viewer by WebRTC tells that it is there, as browsers do all the time.
    watched.by_whep.check()
    for peer in peers:
        assert b"408 Request Timeout" in await peer.rest()
    await holds(lambda: all(one.is_websocket for one in connections))


async def test_slow_offers(watched: Watched, clock: LoopClock) -> None:
    peers = [await HttpPeer.connect(watched.web.port) for _ in range(CROWD)]
    connections = inside(watched.web.server).web.door.connections
    for peer in peers:
        peer.write(
            b"POST /front/whep HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n"
            b"Content-Length: 5000\r\n\r\nv=0\r\n"
        )
    await holds(lambda: sum(one.answers for one in connections) == CROWD)
    await watched.goes_on()
    clock.advance(PATIENCE_S + 1)
    watched.by_whep.check()
    for peer in peers:
        answer = await peer.answer()
        assert (answer.status, answer.problem["code"]) == (408, "too_slow")
        assert await peer.rest() == b""


async def test_offers_of_a_megabyte(watched: Watched) -> None:
    body = b"v=0\r\n" + b"a=x\r\n" * 200_000
    told = {"Content-Type": "application/sdp"}
    for path in ("/front/whep", "/other/whip"):
        for _ in range(5):
            answer = await fetch(watched.web.port, path, method="POST", headers=told, body=body)
            assert (answer.status, answer.problem["code"]) == (413, "limit")
        await watched.goes_on()


ADDRESSES = {
    "/../../etc/passwd": 403,
    "/..%2f..%2fetc%2fpasswd": 403,
    "/%2e%2e/%2e%2e/etc/passwd": 403,
    "/%252e%252e/etc/passwd": 404,
    "/front/hls/../../../etc/passwd/live.m3u8": 403,
    "/-/../../../pyproject.toml": 404,
    "/-/assets/..%2f..%2f..%2fpage.py": 404,
    "/front%00/index.m3u8": 400,
    "/front%5c..%5c..%5cwindows/snapshot.jpg": 403,
    "/nobody/index.m3u8": 404,
    "/nobody/hls/0-0/live.m3u8": 403,
    "/front/hls/0-0/part0.0.mp4": 403,
    "/front/hls/0-0/live.m3u8?_HLS_msn=1&_HLS_part=1": 403,
    "/nobody/snapshot.jpg": 404,
    "/%3Cscript%3Ealert(1)%3C/script%3E/index.m3u8": 404,
    "/%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E/snapshot.jpg": 404,
}


@pytest.mark.parametrize(("target", "status"), ADDRESSES.items())
async def test_addresses_of_what_is_not_there(watched: Watched, target: str, status: int) -> None:
    peer = await HttpPeer.connect(watched.web.port)
    answers = [await peer.ask(target) for _ in range(5)]
    assert {answer.status for answer in answers} == {status}
    for answer in answers:
        # A text for people and a word for programs; never a page, and nothing of a file.
        assert answer.header("content-type") == "application/problem+json"
        assert answer.header("x-content-type-options") == "nosniff"
        assert set(answer.problem) == {"title", "status", "detail", "code"}
    await watched.goes_on()
    await peer.close()


async def test_playlists_of_mounts_that_do_not_exist_leave_nothing(watched: Watched) -> None:
    server = inside(watched.web.server)
    peer = await HttpPeer.connect(watched.web.port)
    feeds = len(server.running.feeds)
    for number in range(200):
        answer = await peer.ask(f"/nobody-{number}/index.m3u8")
        assert (answer.status, answer.problem["code"]) == (404, "no_such_mount")
    assert not len(server.web.hls)
    assert not server.web.hls._viewers
    assert len(server.running.feeds) == feeds
    await watched.goes_on()
    await peer.close()


@pytest.mark.parametrize("how", ["messages", "pings", "opened and left", "never asked for"])
async def test_floods_by_websocket(watched: Watched, how: str, clock: LoopClock) -> None:
    web = watched.web
    readers = len(web.server.mounts["/front"].readers)
    url = f"ws://127.0.0.1:{web.port}/front/mse"
    sockets = [await websockets.connect(url) for _ in range(CROWD)]
    match how:
        case "messages":
            for socket in sockets:
                # Some are let go while they still speak.
                await asyncio.gather(
                    *(socket.send("x" * 4_000) for _ in range(60)), return_exceptions=True
                )
            codes = {await closed(socket) for socket in sockets}
            # What was said first is no wish; whoever goes on has no connection any more.
            assert codes <= {1006, 1008}
        case "pings":
            for socket in sockets:
                await asyncio.gather(
                    *(socket.ping(b"%100d" % n) for n in range(2_000)), return_exceptions=True
                )
            assert {await closed(socket) for socket in sockets} == {1006}
        case "opened and left":
            for socket in sockets:
                socket.transport.abort()
        case "never asked for":
            await watched.goes_on()
            clock.advance(PATIENCE_S + 1)
            watched.by_whep.check()
            assert {await closed(socket) for socket in sockets} == {1008}
    await watched.goes_on()
    assert len(web.server.mounts["/front"].readers) == readers
    connections = inside(web.server).web.door.connections
    await holds(lambda: sum(one.is_websocket for one in connections) == 1)


async def closed(socket: websockets.ClientConnection) -> int:
    """Wait for the end of a WebSocket; return the code that came with it, 1006 for none."""
    async with asyncio.timeout(30):
        await socket.wait_closed()
    return 1006 if socket.close_code is None else socket.close_code

"""Peers that lie, flood or never finish: each bounded, each counted, nobody else disturbed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
from films import film
from http_peer import HttpPeer, fetch
from inside import inside
from published_film import PublishedFilm
from server_rig import LoopClock
from web_rig import WebFactory, WebServer
from webrtc_peer import CERTIFICATE, Certificate, WebRtcPeer, noise, offer, post

from headwater import LimitSettings, MountSettings
from headwater.protocol.webrtc.stun import binding_request
from headwater.transports.work_turns import MOST_PER_TURN

H264 = film("h264").rtp


@pytest.fixture
async def web(start_web: WebFactory) -> WebServer:
    """A server that waits for its publisher while a test lets time pass."""
    return await start_web(settings={"mounts": MountSettings(publisher_idle_timeout_s=0)})


@pytest.fixture
async def good(web: WebServer) -> AsyncIterator[tuple[PublishedFilm, WebRtcPeer]]:
    """A film and an obedient viewer of it, which has to see all of it whatever others do."""
    published = PublishedFilm(web.server, H264)
    published.show(2)
    peer = await WebRtcPeer.watch(web.port, "/front")
    yield published, peer
    published.show(published.left)
    await peer.until(lambda: sum(packet[1] >> 7 for packet in peer.media) == 24)
    await peer.close()


async def turns_until(ready: Callable[[], bool]) -> None:
    """Let the loop turn until a condition holds; what is due by the clock comes within these."""
    for _ in range(10_000):
        if ready():
            return
        await asyncio.sleep(0)
    assert ready()


Good = tuple[PublishedFilm, WebRtcPeer]


async def test_a_thousand_sessions_that_never_check(
    web: WebServer, good: Good, clock: LoopClock
) -> None:
    connection = await HttpPeer.connect(web.port)
    told = {"Content-Type": "application/sdp"}
    service = inside(web.server).web.webrtc
    # On a busy machine the first would be gone by their deadline before the last has come.
    with clock.standing():
        for _ in range(1_000):
            answer = await connection.ask("/front/whep", method="POST", headers=told, body=offer())
            assert answer.status == 201
        assert len(service.port) == 1_001
    await connection.close()
    clock.advance(16)
    good[1].check()
    await turns_until(lambda: len(service.port) == 1)
    assert len(web.server.mounts["/front"].readers) == 1


async def test_sessions_that_never_shake_hands(
    web: WebServer, good: Good, clock: LoopClock
) -> None:
    peers = []
    for _ in range(50):
        answer = await post(web.port, "/front/whep", offer())
        peer = WebRtcPeer(answer.body.decode(), answer.header("location") or "")
        await peer.open_udp()
        peer.check()
        await peer.until(lambda: peer.stun)  # noqa: B023 - awaited at once
        peers.append(peer)
    service = inside(web.server).web.webrtc
    clock.advance(16)
    good[1].check()
    await turns_until(lambda: len(service.port) == 1)
    for peer in peers:
        await peer.close()


async def test_sessions_are_limited_by_address(start_web: WebFactory) -> None:
    web = await start_web(settings={"limits": LimitSettings(sessions_per_address=2)})
    PublishedFilm(web.server, H264).show(2)
    statuses = [(await post(web.port, "/front/whep", offer())).status for _ in range(4)]
    assert statuses == [201, 201, 503, 503]
    assert len(inside(web.server).web.webrtc.port) == 2


async def test_another_certificate_than_the_offers(web: WebServer, good: Good) -> None:
    answer = await post(web.port, "/front/whep", offer(fingerprint=CERTIFICATE.fingerprint))
    liar = WebRtcPeer(
        answer.body.decode(), answer.header("location") or "", certificate=Certificate()
    )
    await liar.open_udp()
    liar.check()
    await liar.until(lambda: liar.stun)
    liar.shake()
    await liar.until(lambda: liar.left)
    assert not liar.media
    assert len(inside(web.server).web.webrtc.viewers) == 1
    await liar.close()


FORGED = {
    "of nobody": ("nobody:peer", "x" * 36),
    "with a wrong password": (None, "x" * 36),
}


@pytest.mark.parametrize(("username", "password"), FORGED.values(), ids=FORGED)
async def test_forged_checks_are_answered_by_nobody(
    web: WebServer, good: Good, username: str | None, password: str
) -> None:
    answer = await post(web.port, "/front/whep", offer())
    peer = WebRtcPeer(answer.body.decode(), answer.header("location") or "")
    await peer.open_udp()
    for _ in range(100):
        peer.check(username=username, password=password)
    peer.check()
    await peer.until(lambda: peer.stun)
    assert len(peer.stun) == 1
    dropped = inside(web.server).web.webrtc.port.counters.dropped
    assert dropped["unknown STUN user"] + dropped["wrong STUN password"] == 100
    await peer.close()


async def test_a_forged_check_moves_nobody(web: WebServer, good: Good) -> None:
    _, peer = good
    host, port = peer.candidate("udp")
    ufrag = peer._ufrag
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        for password in ("x" * 36, "p" * 24):
            other.sendto(
                binding_request(bytes(12), username=f"{ufrag}:peer", password=password),
                (host, port),
            )
        peer.check()
        answered = len(peer.stun)
        await peer.until(lambda: len(peer.stun) > answered)
        with pytest.raises(BlockingIOError):
            other.recv(2_000)


async def test_datagrams_of_strangers_are_dropped(web: WebServer, good: Good) -> None:
    _, peer = good
    address = peer.candidate("udp")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        for first in (0, 3, 20, 22, 63, 64, 127, 128, 191, 200, 255):
            stranger.sendto(bytes((first,)) + noise(60), address)
            stranger.sendto(bytes((first,)), address)
        stranger.sendto(b"", address)
        answered = len(peer.stun)
        peer.check()
        await peer.until(lambda: len(peer.stun) > answered)
        with pytest.raises(BlockingIOError):
            stranger.recv(2_000)
    assert inside(web.server).web.webrtc.port.counters.dropped["unknown address"] >= 10


async def test_a_flood_of_handshakes_waits_for_its_turn(web: WebServer, good: Good) -> None:
    answer = await post(web.port, "/front/whep", offer())
    peer = WebRtcPeer(answer.body.decode(), answer.header("location") or "")
    await peer.open_udp()
    peer.check()
    await peer.until(lambda: peer.stun)
    for _ in range(500):
        peer.send(bytes((22,)) + noise(200))
    answered = len(peer.stun)
    peer.check()
    await peer.until(lambda: len(peer.stun) > answered)
    await turns_until(lambda: not inside(web.server).web.webrtc.handshakes_waiting)
    peer.shake()
    await peer.until(lambda: peer.profile)
    await peer.close()


async def test_who_leaves_does_not_wait_for_a_crowd_that_has_just_come(
    web: WebServer, good: Good
) -> None:
    peer = await WebRtcPeer.watch(web.port, "/front")
    service = inside(web.server).web.webrtc
    viewer, turns, shaken = service.viewers[-1], service._turns, list[int]()
    for number in range(10 * MOST_PER_TURN):
        if not turns.may_begin():
            turns.wait(partial(shaken.append, number), known=False)
    assert peer._ssl is not None
    assert viewer.peer_connection is not None
    peer._ssl.shutdown()
    viewer.peer_connection.dtls_datagram(peer._ssl.bio_read(1_500))
    await turns_until(lambda: viewer not in service.viewers)
    assert len(shaken) <= 5 * MOST_PER_TURN
    await peer.close()


async def test_junk_on_a_connected_way_is_counted_only(web: WebServer, good: Good) -> None:
    published, peer = good
    [viewer] = inside(web.server).web.webrtc.viewers
    for first in (128, 129, 22):
        for _ in range(20):
            peer.send(bytes((first, 200)) + noise(80))
            peer.send(bytes((first, 96)) + noise(80))
    answered = len(peer.stun)
    peer.check()
    await peer.until(lambda: len(peer.stun) > answered)
    assert viewer.peer_connection is not None
    assert viewer.peer_connection.rejected_packets == 80
    published.show(1)


async def test_replayed_reports_are_rejected(web: WebServer, good: Good) -> None:
    _, peer = good
    [viewer] = inside(web.server).web.webrtc.viewers
    assert peer._out is not None
    report = peer._out.protect_rtcp(bytes((0x80, 201, 0, 1, 0, 0, 0, 1)))
    for _ in range(5):
        peer.send(report)
    answered = len(peer.stun)
    peer.check()
    await peer.until(lambda: len(peer.stun) > answered)
    assert viewer.peer_connection is not None
    assert viewer.peer_connection.rejected_packets == 4


TCP_JUNK = {
    "a frame without bytes": b"\0\0",
    "a frame that is too long": b"\xff\xff" + bytes(100),
    "a web page's request": b"GET / HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("junk", TCP_JUNK.values(), ids=TCP_JUNK)
async def test_junk_over_tcp_ends_its_connection(web: WebServer, good: Good, junk: bytes) -> None:
    reader, writer = await asyncio.open_connection(*good[1].candidate("tcp"))
    writer.write(junk)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()


async def test_strangers_over_tcp_are_let_go(web: WebServer, good: Good, clock: LoopClock) -> None:
    writers = []
    for _ in range(20):
        reader, writer = await asyncio.open_connection(*good[1].candidate("tcp"))
        writers.append((reader, writer))
    await fetch(web.port, "/front/look")
    clock.advance(11)
    good[1].check()
    for reader, writer in writers:
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()


OFFERS = {
    "nothing": (b"", 400),
    "noise": (noise(500), 400),
    "1 MB": (b"v=0\r\n" + b"a=x\r\n" * 200_000, 413),
    "many lines": (offer(more="a=x\r\n" * 600), 413),
    "many formats": (offer(sections=(("video", "102 " * 400, ""),)), 413),
    "many sections": (offer(sections=(("video", "102", ""),) * 40), 413),
    "no media": (b"v=0\r\no=- 1 2 IN IP4 0\r\ns=-\r\nt=0 0\r\n", 400),
    "no fragment": (offer().replace(b"ice-ufrag", b"ice-x"), 400),
    "no fingerprint": (offer().replace(b"a=fingerprint", b"a=finger"), 400),
    "a weak hash": (offer().replace(b"sha-256", b"md5"), 400),
    "a passive peer": (offer().replace(b"actpass", b"passive"), 400),
    "a peer that only sends": (offer(direction="sendonly"), 406),
    "a forged line in a mid": (offer().replace(b"a=mid:0", b"a=mid:0 \xe2\x80\xa8x"), 400),
    "a long fragment": (offer(ufrag="u" * 300), 400),
}


@pytest.mark.parametrize(("body", "status"), OFFERS.values(), ids=OFFERS)
async def test_bad_offers(web: WebServer, good: Good, body: bytes, status: int) -> None:
    answer = await post(web.port, "/front/whep", body)
    assert answer.status == status
    assert answer.problem["detail"]
    assert len(inside(web.server).web.webrtc.viewers) == 1

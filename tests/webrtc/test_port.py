"""The one port of all peers: whose each datagram and connection is, and what is nobody's."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

import pytest
from films import film
from inside import inside
from published_film import PublishedFilm
from web_rig import WebServer
from webrtc_peer import WebRtcPeer, offer, post

from headwater.net.settings import SocketSettings
from headwater.net.steady_loop import SteadyLoop
from headwater.protocol.webrtc.stun import Attribute
from headwater.webrtc import port as port_module
from headwater.webrtc.port import WebRtcPort


@pytest.fixture
async def film_shown(web: WebServer) -> PublishedFilm:
    published = PublishedFilm(web.server, film("h264").rtp)
    published.show(2)
    return published


async def until(ready: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not ready():  # noqa: ASYNC110 - what a socket brings has no event of the peer's
            await asyncio.sleep(0.005)


async def answered(web: WebServer) -> WebRtcPeer:
    """A peer that has its answer, and has not sent anything yet."""
    answer = await post(web.port, "/front/whep", offer())
    return WebRtcPeer(answer.body.decode(), answer.header("location") or "")


def port_of(web: WebServer) -> WebRtcPort:
    return inside(web.server).web.webrtc.port


def error_code(peer: WebRtcPeer) -> int:
    value = peer.stun[-1].attributes[Attribute.ERROR_CODE]
    return value[2] * 100 + value[3]


@pytest.mark.usefixtures("film_shown")
@pytest.mark.parametrize("tcp", [False, True])
async def test_a_peer_that_wants_to_be_controlled_is_told_its_role(
    web: WebServer, tcp: bool
) -> None:
    peer = await answered(web)
    await (peer.open_tcp() if tcp else peer.open_udp())
    peer.check(attributes=((Attribute.ICE_CONTROLLED, bytes(8)),))
    await peer.until(lambda: peer.stun)
    assert error_code(peer) == 487
    peer.check()
    await peer.until(lambda: len(peer.stun) == 2)
    peer.shake()
    await peer.until(lambda: peer.profile)
    await peer.close()


@pytest.mark.usefixtures("film_shown")
async def test_a_peer_has_eight_ways_and_the_oldest_that_it_does_not_use_goes_first(
    web: WebServer,
) -> None:
    peer = await WebRtcPeer.watch(web.port, "/front")
    for number in range(10):
        await peer.open_udp()
        count = len(peer.stun)
        peer.check(nominate=number == 0)
        await peer.until(lambda count=count: len(peer.stun) > count)
    port = port_of(web)
    [ways] = port._ways.values()
    assert len(ways) == 8
    assert len(port._by_address) == 8
    [viewer] = inside(web.server).web.webrtc.viewers
    assert viewer.peer_connection is not None
    assert viewer.peer_connection.way in ways
    await peer.close()


@pytest.mark.usefixtures("film_shown")
async def test_one_connection_is_of_one_peer(web: WebServer) -> None:
    first, second = await answered(web), await answered(web)
    await first.open_tcp()
    # Whose it is is not known yet: nothing else is taken.
    first.send(bytes((22,)) + bytes(60))
    first.check(password="x" * 36)
    first.check()
    await first.until(lambda: first.stun)
    second._writer = first._writer
    second.check()
    await first.until(lambda: first.left)
    assert second.stun == []
    await until(lambda: not port_of(web)._by_way)
    await first.close()


@pytest.mark.usefixtures("film_shown")
async def test_connections_of_strangers_have_a_bound(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_module, "_STRANGERS", 2)
    peer = await answered(web)
    connections = [await asyncio.open_connection(*peer.candidate("tcp")) for _ in range(3)]
    ended = [asyncio.create_task(reader.read(1)) for reader, _ in connections]
    done, waiting = await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
    assert len(done) == 1
    assert port_of(web).counters.dropped["TCP strangers"] == 1
    for task in waiting:
        task.cancel()
    for _, writer in connections:
        writer.close()


@pytest.mark.usefixtures("film_shown")
async def test_what_is_no_request_is_counted_and_not_answered(web: WebServer) -> None:
    peer = await answered(web)
    await peer.open_udp()
    peer.check()
    await peer.until(lambda: peer.stun)
    response = bytes.fromhex("0101") + bytes(2) + bytes.fromhex("2112a442") + bytes(12)
    peer.send(response)
    peer.send(bytes(4))
    nameless = bytes.fromhex("0001") + response[2:]
    peer.send(nameless)
    peer.check()
    await peer.until(lambda: len(peer.stun) == 2)
    dropped = port_of(web).counters.dropped
    assert (dropped["no STUN request"], dropped["unreadable STUN"]) == (1, 1)
    assert dropped["unknown STUN user"] == 1
    await peer.close()


async def test_a_taken_port_is_named_with_its_setting(web: WebServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        loop = SteadyLoop(asyncio.get_running_loop())
        port = WebRtcPort(loop, inside(web.server).relay.limits, SocketSettings())
        number = taken.getsockname()[1]
        with pytest.raises(
            OSError, match=rf"UDP port {number} of 127\.0\.0\.1 \(webrtc\.port\)"
        ) as e:
            port.open(["127.0.0.1"], number, tcp=True)
    assert e.value.errno == errno.EADDRINUSE
    assert port.port == 0
    # A number that is free for UDP and taken for TCP leaves nothing bound either.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            port.open(["127.0.0.1"], number, tcp=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", number))

"""The port for browsers: opened and closed with the server, HTTP and HTTPS, kept-alive, closed."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys

import pytest
import websockets
from http_peer import HttpPeer, fetch
from inside import inside
from server_rig import LoopClock, ServerFactory
from web_rig import WebFactory, WebServer

from headwater import LimitSettings, RtspServer, ServerSettings, Settings, TlsSettings
from headwater.http.settings import HttpSettings


async def test_no_port_for_browsers_unless_asked_for(start_server: ServerFactory) -> None:
    server = await start_server()
    assert server.http_port is None
    assert inside(server).running.web is None
    with pytest.raises(RuntimeError, match=r"http\.port is not set"):
        server.http_url("/front")


def test_nothing_of_the_web_is_loaded_unless_asked_for() -> None:
    program = (
        "import asyncio, sys\n"
        "from headwater import RtspServer\n"
        "async def main():\n"
        "    async with RtspServer(host='127.0.0.1', publish_port=0): pass\n"
        "asyncio.run(main())\n"
        "print([name for name in ('starlette', 'uvicorn', 'OpenSSL') if name in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr


async def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "starlette", None)
    server = RtspServer(publish_port=0, settings=Settings(http=HttpSettings(port=0)))
    with pytest.raises(ValueError, match=r"pip install '\.\[web\]'"):
        await server.start()
    assert not server.running


async def test_requests_on_one_connection(web: WebServer) -> None:
    peer = await HttpPeer.connect(web.port)
    for name in ("one", "two"):
        answer = await peer.ask(f"/{name}/look")
        assert (answer.status, answer.problem["path"]) == (200, f"/{name}")
    head = await peer.ask("/three/look", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    await peer.close()


async def test_url_of_the_port(web: WebServer) -> None:
    assert web.server.http_url("/a b") == f"http://127.0.0.1:{web.port}/a%20b"


async def test_a_taken_port_is_named_and_nothing_stays_open(web: WebServer) -> None:
    other = RtspServer(
        host="127.0.0.1", publish_port=0, settings=Settings(http=HttpSettings(port=web.port))
    )
    with pytest.raises(OSError, match=str(web.port)):
        await other.start()
    assert not other.running


@pytest.mark.parametrize("secure", [False, True])
async def test_one_port_for_http_and_https(
    start_web: WebFactory, certificate: TlsSettings, secure: bool
) -> None:
    web = await start_web(settings={"tls": certificate})
    context = ssl.create_default_context(cafile=certificate.certificate) if secure else None
    answer = await fetch(web.port, "/front/look", context=context)
    assert answer.status == 200


async def test_http_is_sent_to_https_where_only_that_is_taken(
    start_web: WebFactory, certificate: TlsSettings
) -> None:
    web = await start_web(http=HttpSettings(port=0, tls_only=True), settings={"tls": certificate})
    answer = await fetch(web.port, "/front/look?a=1")
    assert (answer.status, answer.header("location")) == (308, "https://localhost/front/look?a=1")
    posted = await fetch(web.port, "/echo", method="POST", body=b"x")
    assert (posted.status, posted.problem["code"]) == (403, "tls_needed")
    context = ssl.create_default_context(cafile=certificate.certificate)
    assert (await fetch(web.port, "/front/look", context=context)).status == 200


async def test_large_answers_wait_for_a_slow_peer(web: WebServer) -> None:
    size = 8_000_000
    peer = await HttpPeer.connect(web.port)
    peer.write(b"GET /large?bytes=%d HTTP/1.1\r\nHost: x\r\n\r\n" % size)
    answer = await peer.answer()
    assert len(answer.body) == size
    assert (await peer.ask("/front/look")).status == 200
    await peer.close()


async def test_websockets(web: WebServer) -> None:
    async with websockets.connect(f"ws://127.0.0.1:{web.port}/talk") as talk:
        for word in (b"moving", b"pictures" * 1000):
            await talk.send(word)
            assert await talk.recv() == word


async def test_a_long_websocket_message_ends_its_connection_alone(web: WebServer) -> None:
    async with websockets.connect(f"ws://127.0.0.1:{web.port}/talk") as talk:
        await talk.send(bytes(70_000))
        with pytest.raises(websockets.ConnectionClosedError, match="1009"):
            await talk.recv()
    assert (await fetch(web.port, "/front/look")).status == 200


async def test_an_upgrade_to_a_path_without_websocket_is_refused(web: WebServer) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(f"ws://127.0.0.1:{web.port}/nowhere")
    assert refused.value.response.status_code == 404


async def test_a_stop_ends_requests_and_websockets(
    web: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = await HttpPeer.connect(web.port)
    waiting.write(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
    async with websockets.connect(f"ws://127.0.0.1:{web.port}/talk") as talk:
        await talk.send(b"x")
        await talk.recv()
        await web.server.stop()
        with pytest.raises(websockets.ConnectionClosed):
            await talk.recv()
    assert b"503 Service Unavailable" in await waiting.rest()
    assert [line for line in caplog.records if line.levelname == "ERROR"] == []
    with pytest.raises(OSError, match="Connect"):
        await HttpPeer.connect(web.port if web.server.http_port else 1)


async def test_real_peer_behind_a_proxy(start_web: WebFactory) -> None:
    web = await start_web(settings={"server": ServerSettings(proxy_protocol_from=("127.0.0.1",))})
    peer = await HttpPeer.connect(web.port)
    peer.write(b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n")
    assert (await peer.ask("/front/look")).status == 200
    [connection] = inside(web.server).web.door.connections
    assert connection.peer == ("192.0.2.7", 5000)
    await peer.close()


SLOW = {
    "no first byte": (b"", b""),
    "half a head": (b"GET / HTTP/1.1\r\nHo", b"408"),
    "a head that dribbles": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n", b"408"),
}


@pytest.mark.parametrize(("sent", "answer"), SLOW.values(), ids=SLOW)
async def test_slow_peers(web: WebServer, clock: LoopClock, sent: bytes, answer: bytes) -> None:
    peer = await HttpPeer.connect(web.port)
    peer.write(sent)
    await fetch(web.port, "/front/look")
    clock.advance(11)
    assert answer in await peer.rest()


async def test_slow_body(web: WebServer, clock: LoopClock) -> None:
    peer = await HttpPeer.connect(web.port)
    peer.write(
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nab"
    )
    await fetch(web.port, "/front/look")
    clock.advance(11)
    answer = await peer.answer()
    assert (answer.status, answer.problem["code"]) == (408, "too_slow")
    assert await peer.rest() == b""


async def test_idle_connections_are_closed(web: WebServer, clock: LoopClock) -> None:
    peer = await HttpPeer.connect(web.port)
    await peer.ask("/front/look")
    clock.advance(61)
    assert await peer.rest() == b""


async def test_a_peer_that_takes_nothing_is_closed(web: WebServer, clock: LoopClock) -> None:
    sock = socket.create_connection(("127.0.0.1", web.port))
    sock.setblocking(False)
    sock.send(b"GET /large?bytes=20000000 HTTP/1.1\r\nHost: x\r\n\r\n")
    connections = inside(web.server).web.door.connections
    async with asyncio.timeout(10):
        await fetch(web.port, "/front/look")
        await fetch(web.port, "/front/look")
    assert any(connection.stream.queued_bytes for connection in connections)
    clock.advance(11)
    async with asyncio.timeout(10):
        await connections.all_gone.wait()
    sock.close()


async def test_too_many_connections(start_web: WebFactory) -> None:
    web = await start_web(settings={"limits": LimitSettings(connections_per_address=2)})
    first, second = [await HttpPeer.connect(web.port) for _ in range(2)]
    await first.ask("/front/look")
    await second.ask("/front/look")
    third = await HttpPeer.connect(web.port)
    assert b"503" in await third.rest()
    await first.close()
    await second.close()
    assert web.server.counters.refused_by_limit["limits.connections_per_address"] == 1

"""One port for RTSP and for browsers, in clear and by TLS."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from films import film
from http_peer import fetch
from inside import inside
from own_ports import free_port
from published_film import PublishedFilm
from server_rig import ServerFactory

from headwater import RtspServer, ServerSettings, Settings
from headwater.http.settings import HttpSettings
from headwater.net.settings import TlsSettings
from headwater.webrtc.settings import WebRtcSettings

DEADLINE_S = 20


async def shared(
    start_server: ServerFactory, tls: TlsSettings | None = None, *, tls_only: bool = False
) -> RtspServer:
    port = free_port()
    chosen = Settings(
        http=HttpSettings(port=port),
        webrtc=WebRtcSettings(port=0),
        tls=tls or TlsSettings(),
        server=ServerSettings(publish_port=port, tls_only=tls_only),
    )
    server = await start_server(settings=chosen, publish_port=port)
    assert server.http_port == server.publish_port == port
    PublishedFilm(server, film("h264").rtp).show(3)
    return server


def trusting(*names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if names:
        context.set_alpn_protocols(list(names))
    return context


async def rtsp(port: int, context: ssl.SSLContext | None = None) -> str:
    """The first line of the answer to OPTIONS, of which the first bytes come one by one."""
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        for byte in b"OPTIONS * RTSP/1.0\r\n":
            writer.write(bytes((byte,)))
            await writer.drain()
        writer.write(b"CSeq: 1\r\n\r\n")
        line = (await reader.readline()).decode().strip()
        writer.close()
        return line


async def test_in_clear(start_server: ServerFactory) -> None:
    server = await shared(start_server)
    port = server.publish_port
    assert (await fetch(port, "/front/about")).problem["state"] == "live"
    assert await rtsp(port) == "RTSP/1.0 200 OK"
    web = inside(server).web
    assert web.door.counters.connections_opened == 1


@pytest.mark.parametrize("tls_only", [False, True])
async def test_by_tls(
    start_server: ServerFactory, certificate: TlsSettings, tls_only: bool
) -> None:
    server = await shared(start_server, certificate, tls_only=tls_only)
    port = server.publish_port
    about = await fetch(port, "/front/about", context=trusting("h2", "http/1.1"))
    assert about.problem["state"] == "live"
    assert await rtsp(port, trusting()) == "RTSP/1.0 200 OK"


async def test_limits_count_each_by_itself(start_server: ServerFactory) -> None:
    server = await shared(start_server)
    for _ in range(5):
        assert (await fetch(server.publish_port, "/front/about")).status == 200
    within = inside(server)
    async with asyncio.timeout(DEADLINE_S):
        await within.web.door.connections.all_gone.wait()
    assert len(within.connections) == 0
    assert await rtsp(server.publish_port) == "RTSP/1.0 200 OK"


async def test_after_the_end_nobody_is_taken_in(start_server: ServerFactory) -> None:
    server = await shared(start_server)
    port = server.publish_port
    await server.stop()
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await fetch(port, "/front/about")

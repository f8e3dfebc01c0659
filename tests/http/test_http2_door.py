"""HTTP/2 by a client that speaks it: the routes, rights and limits of the door's own port."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from films import film
from hls_rules import read
from http_peer import basic
from inside import inside
from published_film import PublishedFilm
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from waiting import holds
from web_rig import WebFactory, WebServer

from headwater import AccessSettings, LimitSettings, UserSettings
from headwater.api import events
from headwater.config.settings import Settings
from headwater.http.settings import HttpSettings
from headwater.net.settings import ClientCertificates, TlsSettings

pytest.importorskip("granian")
pytest.importorskip("h2")

from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived


@dataclass
class Http2Server:
    """A server with a port for HTTP/2, and how its clients know it."""

    web: WebServer
    tls: ssl.SSLContext

    @property
    def url(self) -> str:
        """Where it is."""
        door = inside(self.web.server).web.http2
        assert door is not None
        return f"https://localhost:{door.port}"

    @asynccontextmanager
    async def client(self, *, http2: bool = True) -> AsyncIterator[httpx.AsyncClient]:
        """A client that asks it."""
        async with httpx.AsyncClient(
            http2=http2, verify=self.tls, base_url=self.url, timeout=30
        ) as client:
            await self.accepts(client)
            yield client

    async def accepts(self, client: httpx.AsyncClient) -> None:
        """Wait until it serves, which granian does not tell."""
        async with asyncio.timeout(20):
            while True:
                try:
                    await client.get("/-/nothing")
                except httpx.TransportError:
                    await asyncio.sleep(0.01)
                else:
                    return


StartHttp2 = Callable[..., Awaitable[Http2Server]]


@pytest.fixture
def start_http2(start_web: WebFactory, certificate: TlsSettings) -> StartHttp2:
    """Starts servers with both ports."""

    async def start(**settings: object) -> Http2Server:
        web = await start_web(
            http=HttpSettings(port=0, http2_port=0), settings={"tls": certificate, **settings}
        )
        context = ssl.create_default_context(cafile=certificate.certificate)
        return Http2Server(web, context)

    return start


async def test_low_latency_hls_plays_by_http2(start_http2: StartHttp2) -> None:
    server = await start_http2()
    published = PublishedFilm(server.web.server, film("h264", 240).rtp)
    published.show(8)
    async with server.client() as client:
        main = await client.get("/front/index.m3u8")
        assert (main.http_version, main.status_code) == ("HTTP/2", 200)
        base = "/front/" + main.text.splitlines()[-1].removesuffix("live.m3u8")
        begun = read((await client.get(f"{base}live.m3u8")).text)
        assert (await client.get(f"{base}init0.mp4")).content[4:8] == b"ftyp"
        number, place = begun.position()
        asked = f"{base}live.m3u8?_HLS_msn={number}&_HLS_part={place}"
        # What waits holds up nothing else of its connection.
        reload = asyncio.create_task(client.get(asked))
        hinted = asyncio.create_task(client.get(f"{base}part{number}.{place}.mp4"))
        part = begun.segments[-1].parts[-1].uri
        assert (await client.get(base + part)).status_code == 200
        assert not reload.done()
        assert not hinted.done()
        published.show(8)
        answer, content = await reload, await hinted
        assert answer.http_version == content.http_version == "HTTP/2"
        assert read(answer.text).position() > (number, place)
        assert b"moof" in content.content[:64]
        refused = await client.get(f"{base}live.m3u8?_HLS_msn={number + 9}")
        assert (refused.status_code, refused.json()["code"]) == (400, "too_far_ahead")


async def test_who_knows_no_http2_is_served_too(start_http2: StartHttp2) -> None:
    server = await start_http2()
    async with server.client(http2=False) as client:
        answer = await client.get("/")
    assert (answer.http_version, answer.status_code) == ("HTTP/1.1", 200)
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), (basic("ann", "secret"), 200), (basic("ann", "wrong"), 401)],
)
async def test_the_same_may_as_on_the_other_port(
    start_http2: StartHttp2, headers: dict[str, str], status: int
) -> None:
    users = (UserSettings(name="ann", password="secret", read=("**",)),)
    server = await start_http2(access=AccessSettings(users=users))
    PublishedFilm(server.web.server, film("h264").rtp).show(3)
    async with server.client() as client:
        answer = await client.get("/front/look", headers=headers)
        assert answer.status_code == status
        if status == 200:
            assert answer.json() == {"path": "/front", "user": "ann"}


@pytest.mark.parametrize(
    ("path", "name"),
    [("/%2e%2e/about", None), ("/a/%252e%252e/about", "/a/%2e%2e"), ("/a%20b/about", "/a b")],
)
async def test_addresses_are_decoded_once(
    start_http2: StartHttp2, path: str, name: str | None
) -> None:
    server = await start_http2()
    async with server.client() as client:
        answer = await client.get(httpx.URL(server.url, raw_path=path.encode()))
    assert answer.status_code == (403 if name is None else 200)
    assert answer.json().get("path") == name


async def test_a_long_body_and_long_headers_are_refused(start_http2: StartHttp2) -> None:
    server = await start_http2(limits=LimitSettings(body_bytes=10_000, header_bytes=4_000))
    async with server.client() as client:
        typed = {"Content-Type": "text/plain"}
        long = await client.post("/echo", content=b"x" * 20_000, headers=typed)
        assert long.status_code == 413
        short = await client.post("/echo", content=b"x" * 9_000, headers=typed)
        assert (short.status_code, len(short.content)) == (200, 9_000)
        try:
            status = (await client.get("/", headers={"X": "x" * 6_000})).status_code
        except httpx.RemoteProtocolError:
            status = 431
        assert status == 431
        assert (await client.get("/")).status_code == 200


async def test_requests_of_one_address_at_one_time_are_limited(start_http2: StartHttp2) -> None:
    server = await start_http2(limits=LimitSettings(connections_per_address=2))
    async with server.client() as client:
        held = [asyncio.create_task(client.get("/hold")) for _ in range(2)]
        door = inside(server.web.server).web.http2
        assert door is not None
        await holds(lambda: len(door._tasks) == 2)
        refused = await client.get("/")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        server.web.held.set()
        assert [answer.status_code for answer in await asyncio.gather(*held)] == [200, 200]
        assert (await client.get("/")).status_code == 200
        await holds(lambda: not door._requests._by_address)


async def test_half_an_answer_is_no_answer(start_http2: StartHttp2) -> None:
    server = await start_http2()

    async def half(_request: Request) -> Response:
        async def content() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("on purpose")

        return StreamingResponse(content(), headers={"Content-Length": "8"})

    inside(server.web.server).web.door.add([Route("/half", half)])
    async with server.client() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/half")
        assert (await client.get("/")).status_code == 200


async def test_an_answer_without_an_end_ends_with_its_peer(
    start_http2: StartHttp2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_KEPT_ALIVE_S", 3600.0)
    server = await start_http2()
    streams = inside(server.web.server).web.api._events
    async with server.client() as client:
        answer = await client.send(client.build_request("GET", "/v1/events"), stream=True)
        assert (answer.status_code, answer.http_version) == (200, "HTTP/2")
        await holds(lambda: streams.streams == 1)
    await holds(lambda: not streams.streams)


async def test_an_answer_without_an_end_ends_with_its_request(
    start_http2: StartHttp2, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Browsers keep the connection, and reset the stream of a page that is closed."""
    monkeypatch.setattr(events, "_KEPT_ALIVE_S", 3600.0)
    server = await start_http2()
    streams = inside(server.web.server).web.api._events
    async with server.client():
        url = httpx.URL(server.url)
        server.tls.set_alpn_protocols(["h2"])
        reader, writer = await asyncio.open_connection(url.host, url.port, ssl=server.tls)
        peer = H2Connection()
        peer.initiate_connection()
        authority = f"{url.host}:{url.port}"
        fields = ((":method", "GET"), (":scheme", "https"), (":authority", authority))
        peer.send_headers(1, [*fields, (":path", "/v1/events")], end_stream=True)
        writer.write(peer.data_to_send())
        async with asyncio.timeout(20):
            while not any(
                isinstance(each, DataReceived)
                for each in peer.receive_data(await reader.read(65_536))
            ):
                writer.write(peer.data_to_send())
        await holds(lambda: streams.streams == 1)
        peer.reset_stream(1, ErrorCodes.CANCEL)
        writer.write(peer.data_to_send())
        await holds(lambda: not streams.streams)
        writer.close()


async def test_a_stop_answers_those_who_wait(start_http2: StartHttp2) -> None:
    server = await start_http2()
    async with server.client() as client:
        waiting = asyncio.create_task(client.get("/hold"))
        door = inside(server.web.server).web.http2
        assert door is not None
        await holds(lambda: bool(door._tasks))
        port = door.port
        stopping = asyncio.create_task(server.web.server.stop())
        answer = await waiting
    await stopping
    assert (answer.status_code, answer.json()["code"]) == (503, "stopping")
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), 5):  # noqa: PT011
        pass


async def test_a_taken_port_is_named_with_its_setting(
    start_web: WebFactory, certificate: TlsSettings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"TCP port {port} .*\(http\.http2_port\)"):
            await start_web(
                http=HttpSettings(port=0, http2_port=port), settings={"tls": certificate}
            )


def test_settings_that_cannot_be(certificate: TlsSettings) -> None:
    with pytest.raises(ValueError, match=r"it needs tls\.certificate"):
        Settings(http=HttpSettings(port=0, http2_port=8443))
    with pytest.raises(ValueError, match=r"it needs http\.port"):
        HttpSettings(http2_port=8443)
    with pytest.raises(ValueError, match="from 0"):
        HttpSettings(port=0, http2_port=70_000)
    asking = TlsSettings(
        certificate=certificate.certificate,
        key=certificate.key,
        client_certificates=ClientCertificates.REQUIRED,
        client_ca=certificate.certificate,
    )
    with pytest.raises(ValueError, match=re.escape("tls.client_certificates")):
        Settings(http=HttpSettings(port=0, http2_port=8443), tls=asking)

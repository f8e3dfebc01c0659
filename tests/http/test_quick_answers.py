"""Answers that are given past the application: the same as its own, in their order, bounded."""

from __future__ import annotations

import asyncio
import inspect
import re
import socket
import struct
from dataclasses import dataclass, field, replace
from types import CoroutineType

import pytest
from http_peer import HttpPeer, fetch
from inside import inside
from server_rig import LoopClock
from waiting import holds
from web_rig import WebFactory, WebServer

from headwater import ServerSettings, TlsSettings
from headwater.http.quick_answers import Coming, QuickAnswer
from headwater.http.refusal import HttpRefusal
from headwater.http.settings import HttpSettings

HEAD = b"content-type: text/plain\r\ncache-control: no-store\r\n"


@dataclass
class Quick:
    """Routes for tests: one that answers, one that waits, some that fail."""

    asked: list[str] = field(default_factory=list)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    def route(self, target: str) -> QuickAnswer | Coming | None:
        if not target.startswith("/quick/"):
            return None
        self.asked.append(target)
        match target.removeprefix("/quick/").partition("?")[0]:
            case "now":
                return QuickAnswer(HEAD, target.encode())
            case "large":
                return QuickAnswer(HEAD, bytes(20_000_000))
            case "later" | "refused" | "broken" as how:
                return self.later(how, target)
            case "raises":
                raise RuntimeError("on purpose")
        return None

    async def later(self, how: str, target: str) -> QuickAnswer:
        self.waiting += 1
        try:
            await self.ready.wait()
        finally:
            self.waiting -= 1
        match how:
            case "refused":
                raise HttpRefusal(410, "too late", code="gone", headers=[("Retry-After", "3")])
            case "broken":
                raise RuntimeError("on purpose")
        return QuickAnswer(HEAD, target.encode())


@pytest.fixture
def quick(web: WebServer) -> Quick:
    """The routes, at a server."""
    return routes_at(web)


def routes_at(web: WebServer) -> Quick:
    routes = Quick()
    inside(web.server).web.door.add_quick(routes.route)
    return routes


def get(target: str, *lines: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


async def test_an_answer_has_what_every_answer_has(web: WebServer, quick: Quick) -> None:
    peer = await HttpPeer.connect(web.port)
    answer = await peer.ask("/quick/now?a=1")
    ordinary = await peer.ask("/large?bytes=3")
    assert (answer.status, answer.body) == (200, b"/quick/now?a=1")
    assert {name for name, _ in ordinary.headers} <= {name for name, _ in answer.headers}
    for name in ("server", "content-security-policy", "cache-control", "referrer-policy"):
        assert answer.header(name) == ordinary.header(name)
    [connection] = inside(web.server).web.door.connections
    assert connection.requests == 2
    assert inside(web.server).web.door.counters.answers_by_status[200] == 2
    await peer.close()


@pytest.mark.parametrize(
    ("lines", "is_quick"),
    [
        (("Accept: */*", "User-Agent: a player", "Connection: keep-alive"), True),
        (("connection:Keep-Alive",), True),
        (("Connection: close",), False),
        (("Connection: keep-alive, Upgrade", "Upgrade: h2c"), False),
        (("ORIGIN: http://elsewhere.example",), False),
        (("Cookie: a=b",), False),
        (("Content-Length: 0",), False),
        (("Transfer-Encoding: chunked", "", "0"), False),
        (("Expect: 100-continue",), False),
        (("Folded: a", " b"), False),
        (("Spaced : a",), False),
        (("no header",), False),
        (("A: " + "a" * 20_000,), False),
        (("A: b",) * 200, False),
    ],
)
async def test_what_may_matter_is_left_to_the_application(
    web: WebServer, quick: Quick, lines: tuple[str, ...], is_quick: bool
) -> None:
    peer = await HttpPeer.connect(web.port)
    peer.write(get("/quick/now", *lines))
    answer = await peer.answer()
    assert (answer.status == 200) is is_quick
    assert len(quick.asked) == is_quick
    await peer.close()


@pytest.mark.parametrize("version", ["1.0", "1.2", "2.0"])
async def test_other_versions_are_left_to_the_application(
    web: WebServer, quick: Quick, version: str
) -> None:
    peer = await HttpPeer.connect(web.port)
    peer.write(f"GET /quick/now HTTP/{version}\r\n\r\n".encode())
    await peer.answer()
    assert quick.asked == []
    await peer.close()


async def test_addresses_that_are_too_long(web: WebServer, quick: Quick) -> None:
    assert (await fetch(web.port, "/quick/now?" + "a" * 5_000)).status == 414
    assert quick.asked == []


async def test_a_body_is_no_request(web: WebServer, quick: Quick) -> None:
    within = get("/quick/now")
    peer = await HttpPeer.connect(web.port)
    peer.write(get("/front/look", f"Content-Length: {len(within)}"))
    assert (await peer.answer()).status == 200
    # It comes when the answer has gone already, and looks like a request.
    peer.write(within)
    peer.write(get("/front/look"))
    assert (await peer.answer()).body.startswith(b'{"path":"/front"')
    assert quick.asked == []
    await peer.close()


async def test_the_middle_of_a_head_is_no_request(web: WebServer, quick: Quick) -> None:
    peer = await HttpPeer.connect(web.port)
    peer.write(get("/front/look") + b"GET /front/look HTTP/1.1\r\nA: ")
    assert (await peer.answer()).status == 200
    peer.write(get("/quick/now"))
    assert (await peer.answer()).body.startswith(b'{"path":"/front"')
    assert quick.asked == []
    await peer.close()


async def test_a_request_in_pieces_is_left_to_the_application(web: WebServer, quick: Quick) -> None:
    request = get("/quick/now")
    connections = inside(web.server).web.door.connections
    for cut in range(1, len(request)):
        peer = await HttpPeer.connect(web.port)
        peer.write(request[:cut])
        await holds(lambda: [one for one in connections if one._head_began_s])
        peer.write(request[cut:])
        assert (await peer.answer()).status == 404
        await peer.close()
        await holds(lambda: not len(connections))
    assert quick.asked == []


async def test_requests_are_answered_in_their_order(web: WebServer, quick: Quick) -> None:
    peer = await HttpPeer.connect(web.port)
    peer.write(get("/quick/later?1"))
    await holds(lambda: quick.waiting)
    peer.write(get("/quick/now?2"))
    peer.write(get("/front/look"))
    [connection] = inside(web.server).web.door.connections
    await holds(lambda: len(connection._behind) == len(get("/quick/now?2") + get("/front/look")))
    assert connection.answers
    quick.ready.set()
    bodies = [(await peer.answer()).body for _ in range(3)]
    assert bodies[0] == b"/quick/later?1"
    assert b'"not_found"' in bodies[1]
    assert bodies[2].startswith(b'{"path":"/front"')
    await peer.close()


async def test_what_comes_behind_one_that_waits_is_bounded(web: WebServer, quick: Quick) -> None:
    peer = await HttpPeer.connect(web.port)
    peer.write(get("/quick/later"))
    await holds(lambda: quick.waiting)
    peer.write(bytes(100_000))
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await peer.answer()
    await holds(lambda: not quick.waiting)


@pytest.mark.parametrize(
    ("how", "status", "code"), [("refused", 410, "gone"), ("broken", 500, "failed")]
)
async def test_who_waits_in_vain_is_told_why(
    web: WebServer, quick: Quick, how: str, status: int, code: str
) -> None:
    quick.ready.set()
    peer = await HttpPeer.connect(web.port)
    answer = await peer.ask(f"/quick/{how}")
    assert (answer.status, answer.problem["code"]) == (status, code)
    assert answer.header("content-type") == "application/problem+json"
    assert answer.header("cache-control") == "no-store"
    assert answer.header("retry-after") == ("3" if how == "refused" else None)
    assert (await peer.ask("/front/look")).status == 200
    await peer.close()


async def test_a_route_that_fails_at_once_leaves_it_to_the_application(
    web: WebServer, quick: Quick
) -> None:
    assert (await fetch(web.port, "/quick/raises")).status == 404
    assert quick.asked == ["/quick/raises"]


async def test_who_goes_away_waits_no_more(web: WebServer, quick: Quick) -> None:
    peer = await HttpPeer.connect(web.port)
    peer.write(get("/quick/later"))
    await holds(lambda: quick.waiting)
    sock = peer._writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await peer.close()
    await holds(lambda: not quick.waiting)
    assert not inside(web.server).web.door._quick.tasks


async def test_an_answer_that_is_ended_before_it_begins_is_closed(
    web: WebServer, quick: Quick
) -> None:
    answers = inside(web.server).web.door._quick
    held: list[asyncio.Task[None]] = []

    class Gone:
        peer_text, secure = "peer", False

        def is_closing(self) -> bool:
            return True

        def answer(self, head: bytes, content: bytes) -> None:
            raise AssertionError((head, content))

        def wait_for(self, task: asyncio.Task[None]) -> None:
            held.append(task)
            task.cancel()

    assert answers.take(Gone(), "/quick/later")
    [waiting] = [task.get_coro() for task in held]
    assert isinstance(waiting, CoroutineType)
    assert waiting.cr_frame is not None
    coming = waiting.cr_frame.f_locals["coming"]
    await asyncio.wait(held)
    # Nothing is left that would warn of having never been awaited.
    assert inspect.getcoroutinestate(coming) == inspect.CORO_CLOSED
    assert quick.waiting == 0


async def test_a_stop_answers_those_who_wait(web: WebServer, quick: Quick) -> None:
    peer = await HttpPeer.connect(web.port)
    peer.write(get("/quick/later"))
    await holds(lambda: quick.waiting)
    await web.server.stop()
    assert re.match(rb"HTTP/1.1 503 .*connection: close\r\n", await peer.rest(), re.DOTALL)


async def test_who_reads_no_answer_gets_no_others_past_the_application(
    web: WebServer, quick: Quick
) -> None:
    peer = await HttpPeer.connect(web.port)
    peer.write(get("/quick/large"))
    connections = inside(web.server).web.door.connections
    await holds(lambda: [one for one in connections if one.stream.queued_bytes])
    [connection] = connections
    queued_bytes = connection.stream.queued_bytes
    for _ in range(20):
        peer.write(get("/quick/large"))
        await asyncio.sleep(0)
    await fetch(web.port, "/front/look")
    assert connection.stream.queued_bytes <= queued_bytes
    assert quick.asked == ["/quick/large"]
    assert len((await peer.answer()).body) == 20_000_000
    await peer.close()


async def test_a_peer_that_takes_no_answer_is_closed(
    web: WebServer, quick: Quick, clock: LoopClock
) -> None:
    peer = await HttpPeer.connect(web.port)
    peer.write(get("/quick/large"))
    connections = inside(web.server).web.door.connections
    await holds(lambda: [one for one in connections if one.stream.queued_bytes])
    clock.advance(11)
    await holds(lambda: not len(connections))
    await peer.close()


async def test_only_https_where_only_that_is_taken(
    start_web: WebFactory, certificate: TlsSettings
) -> None:
    web = await start_web(http=HttpSettings(port=0, tls_only=True), settings={"tls": certificate})
    quick = routes_at(web)
    assert (await fetch(web.port, "/quick/now")).status == 308
    assert quick.asked == []
    # The name of the server is a setting that changes while it runs.
    settings = web.server.settings
    server = replace(settings.server, server_name="Other")
    http = replace(settings.http, tls_only=False)
    await web.server.apply(replace(settings, server=server, http=http))
    answer = await fetch(web.port, "/quick/now")
    assert (answer.status, answer.header("server")) == (200, "Other")


async def test_a_server_without_a_name_says_none(start_web: WebFactory) -> None:
    web = await start_web(settings={"server": ServerSettings(server_name="")})
    routes_at(web)
    assert (await fetch(web.port, "/quick/now")).header("server") is None

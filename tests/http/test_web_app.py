"""What holds for every request: names in addresses, limits, refusals in words, other sites."""

from __future__ import annotations

import pytest
import websockets
from http_peer import HttpPeer, fetch
from web_rig import WebFactory, WebServer

from headwater.http.settings import HttpSettings

PATHS = {
    "/front/look": (200, "/front"),
    "/cams/front/look": (200, "/cams/front"),
    "/cams//front/look": (200, "/cams/front"),
    "/a%20b/look": (200, "/a b"),
    "/caf%C3%A9/look": (200, "/café"),
    "/a%252e/look": (200, "/a%2e"),
    "/%3Cscript%3E/look": (200, "/<script>"),
    "/../etc/look": (403, "unreadable"),
    "/..%2f..%2fetc/look": (403, "unreadable"),
    "/%2e%2e/etc/look": (403, "unreadable"),
    "/a%5c..%5cb/look": (403, "unreadable"),
    "/a%00b/look": (400, "unreadable"),
    "/%ff/look": (400, "unreadable"),
    "/" + "a" * 2000 + "/look": (414, "limit"),
    "/" + "a" * 5000 + "/look": (414, "limit"),
    "/nothing/here": (404, "not_found"),
}


@pytest.mark.parametrize(("target", "expected"), PATHS.items(), ids=[key[:24] for key in PATHS])
async def test_names_in_addresses(web: WebServer, target: str, expected: tuple[int, str]) -> None:
    answer = await fetch(web.port, target)
    said = answer.problem
    assert (answer.status, said["path"] if answer.status == 200 else said["code"]) == expected


async def test_a_refusal_says_what_to_do(web: WebServer) -> None:
    answer = await fetch(web.port, "/echo", method="PUT")
    assert answer.header("content-type") == "application/problem+json"
    assert answer.header("allow") == "POST"
    assert set(answer.problem) == {"title", "status", "detail", "code"}
    assert "Allow lists" in answer.problem["detail"]
    assert "/NAME/whep" in (await fetch(web.port, "/NAME")).problem["detail"]


BODIES = {
    "whole": ({"Content-Type": "text/plain"}, b"x", 200),
    "none": ({"Content-Type": "text/plain"}, b"", 200),
    "of another type": ({"Content-Type": "application/sdp"}, b"x", 415),
    "without a type": ({}, b"x", 415),
    "too long": ({"Content-Type": "text/plain"}, bytes(1_000_000), 413),
}


@pytest.mark.parametrize(("headers", "body", "status"), BODIES.values(), ids=BODIES)
async def test_bodies(web: WebServer, headers: dict[str, str], body: bytes, status: int) -> None:
    assert (await fetch(web.port, "/echo", method="POST", headers=headers, body=body)).status == (
        status
    )
    assert (await fetch(web.port, "/front/look")).status == 200


async def test_a_body_in_chunks_is_bounded_too(web: WebServer) -> None:
    peer = await HttpPeer.connect(web.port)
    peer.write(
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    for _ in range(3):
        peer.write(b"10000\r\n" + bytes(65_536) + b"\r\n")
    assert (await peer.answer()).status == 413
    await peer.close()


HEADS = {
    "too long": b"GET /front/look HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
    "too many": b"GET /front/look HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    "without an end": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 50_000,
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
async def test_heads_that_are_too_much(web: WebServer, head: bytes) -> None:
    peer = await HttpPeer.connect(web.port)
    peer.write(head)
    assert (await peer.answer()).status == 431
    await peer.close()


@pytest.mark.parametrize(
    "junk", [b"\0\0\0\0\r\n\r\n", b"OPTIONS rtsp://x RTSP/1.0\r\nCSeq: 1\r\n\r\n", b"\x16\x03\x01"]
)
async def test_what_is_no_http_is_refused(web: WebServer, junk: bytes) -> None:
    peer = await HttpPeer.connect(web.port)
    peer.write(junk)
    assert b"HTTP/1.1 400" in await peer.rest()
    assert (await fetch(web.port, "/front/look")).status == 200


async def test_a_route_that_fails_is_ours(web: WebServer) -> None:
    answer = await fetch(web.port, "/fail")
    assert (answer.status, answer.problem["code"]) == (500, "failed")
    assert b"on purpose" not in answer.body


async def test_headers_of_every_answer(web: WebServer) -> None:
    for target in ("/front/look", "/nothing/here", "/fail"):
        answer = await fetch(web.port, target)
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("referrer-policy") == "no-referrer"
        assert answer.header("content-security-policy") is not None
        assert answer.header("server") == "Headwater"


THEIRS = "https://else.example"


@pytest.mark.parametrize(
    ("allowed", "origin", "told"),
    [
        ((), THEIRS, None),
        ((), "http://localhost", None),
        ((THEIRS,), THEIRS, THEIRS),
        (("https://third.example",), THEIRS, None),
        (("*",), THEIRS, "*"),
    ],
)
async def test_other_sites(
    start_web: WebFactory, allowed: tuple[str, ...], origin: str, told: str | None
) -> None:
    web = await start_web(http=HttpSettings(port=0, allowed_origins=allowed))
    asking = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    preflight = await fetch(web.port, "/echo", method="OPTIONS", headers=asking)
    assert (preflight.status, preflight.header("access-control-allow-origin")) == (204, told)
    posting = {"Origin": origin, "Content-Type": "text/plain"}
    posted = await fetch(web.port, "/echo", method="POST", headers=posting, body=b"x")
    is_own = origin == "http://localhost"
    assert posted.status == (200 if told or is_own else 403)
    assert posted.header("access-control-allow-origin") == told
    talk = websockets.connect(f"ws://127.0.0.1:{web.port}/talk", origin=origin)  # type: ignore[arg-type]
    if told:
        async with talk:
            pass
    else:
        with pytest.raises(websockets.InvalidStatus, match="403"):
            await talk


@pytest.mark.parametrize("bad", ["else.example", "https://else.example/", "https://"])
def test_origins_are_origins(bad: str) -> None:
    with pytest.raises(ValueError, match="an origin is"):
        HttpSettings(allowed_origins=(bad,))


@pytest.mark.parametrize("port", [-1, 65536])
def test_ports_are_ports(port: int) -> None:
    with pytest.raises(ValueError, match="port is"):
        HttpSettings(port=port)

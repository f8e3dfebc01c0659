"""The last answer to a peer that is not served, in the protocol that it speaks."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Awaitable, Callable

import pytest
from logged import event_of
from rtsp_peer import RtspPeer

from headwater import RtspServer, Settings
from headwater.relay.limit_settings import LimitSettings
from headwater.server.connections.farewell import farewell
from headwater.server.refusal import Refusal

ServerFactory = Callable[..., Awaitable[RtspServer]]

BUSY = Refusal(503, "no room", [("Retry-After", "5")])


@pytest.mark.parametrize(
    ("came", "first_line", "headers", "body"),
    [
        (b"", b"RTSP/1.0 503 Service Unavailable", [], b"no room\r\n"),
        (
            b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 8\r\n\r\n",
            b"RTSP/1.0 503 Service Unavailable",
            [b"CSeq: 7"],
            b"no room\r\n",
        ),
        (b"OPTIONS * RTSP/1.0\r\nX: 1", b"RTSP/1.0 503 Service Unavailable", [], b"no room\r\n"),
        (
            b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 503 Service Unavailable",
            [b"Connection: close"],
            b"no room\r\n",
        ),
        (
            b"HEAD / http/1.0\n\n",
            b"HTTP/1.1 503 Service Unavailable",
            [b"Connection: close"],
            b"",
        ),
        (b"\xff\x00\r\n", b"RTSP/1.0 503 Service Unavailable", [], b"no room\r\n"),
    ],
)
def test_farewell(came: bytes, first_line: bytes, headers: list[bytes], body: bytes) -> None:
    head, _, rest = farewell(BUSY, came).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == first_line
    assert b"Retry-After: 5" in lines
    assert set(headers) <= set(lines)
    assert sum(line.startswith(b"CSeq") for line in lines) == (b"CSeq: 7" in headers)
    assert rest == body


@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("GET", "/live HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("HEAD", "/live HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("OPTIONS", "/live HTTP/1.1\r\nHost: h\r\n\r\n"),
        pytest.param("GET", "/ HTTP/1.0\n\n", id="health check"),
        pytest.param("GET", f"/ HTTP/1.1\r\nCookie: {'c' * 20_000}\r\n\r\n", id="cookies"),
        pytest.param("GET", "/a\tb HTTP/1.1\r\n\r\n", id="tab"),
        pytest.param(
            "POST", f"/ HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n{'x' * 50_000}", id="body"
        ),
    ],
)
async def test_http_on_the_rtsp_port_is_answered_in_http(
    server: RtspServer, caplog: pytest.LogCaptureFixture, method: str, rest: str
) -> None:
    caplog.set_level("INFO")
    peer = await RtspPeer.connect(server.play_port)
    await peer.send(f"{method} {rest}".encode())
    text = await peer.closed()
    answer = _read_http(text, method)
    assert (answer.version, answer.status) == (11, 400)
    assert answer.getheader("Connection") == "close"
    body = answer.read()
    assert (b"RTSP, not HTTP" in body) is (method != "HEAD")
    (line,) = [record for record in caplog.records if event_of(record) == "request unreadable"]
    assert "not HTTP" in vars(line)["cause"]
    assert server.counters.answers_by_status == {400: 1}


def _read_http(text: bytes, method: str) -> http.client.HTTPResponse:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(text)
    with ours:
        answer = http.client.HTTPResponse(ours, method=method)
        answer.begin()
        return answer


async def test_connection_too_many_is_told_the_cseq_of_what_it_sent(
    start_server: ServerFactory,
) -> None:
    server = await start_server(settings=Settings(limits=LimitSettings(connections=1)))
    first = await RtspPeer.connect(server.play_port)
    assert (await first.ask("OPTIONS", "*")).status == 200
    # The server accepts in this loop, so the request is there by then.
    sock = socket.create_connection(("127.0.0.1", server.play_port))
    sock.sendall(b"OPTIONS * RTSP/1.0\r\nCSeq: 42\r\n\r\n")
    second = await RtspPeer.over(sock)
    answer = await second.answer()
    assert (answer.status, answer.header("CSeq")) == (503, "42")
    assert answer.header("Retry-After") == "5"

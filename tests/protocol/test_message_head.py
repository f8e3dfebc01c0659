import pytest

from headwater.protocol.errors import HttpSpoken, ProtocolError
from headwater.protocol.headers import Headers
from headwater.protocol.message import Request, Response
from headwater.protocol.message_head import (
    declared_body_bytes,
    parse_head,
    salvaged_body_bytes,
    salvaged_cseq,
)
from headwater.protocol.wire_limits import WireLimits

LIMITS = WireLimits(max_uri_bytes=20, max_header_count=2)


@pytest.mark.parametrize(
    ("head", "request_line"),
    [
        (b"OPTIONS * RTSP/1.0\r\n\r\n", ("OPTIONS", "*", "RTSP/1.0")),
        (b"OPTIONS * RTSP/1.0\n\n", ("OPTIONS", "*", "RTSP/1.0")),
        (b"OPTIONS  rtsp://h   rtsp/1.1 \r\n\r\n", ("OPTIONS", "rtsp://h", "rtsp/1.1")),
        (b"PLAY rtsp://h/my cam RTSP/1.0\r\n\r\n", ("PLAY", "rtsp://h/my cam", "RTSP/1.0")),
        ("PLAY rtsp://h/é RTSP/1.0\r\n\r\n".encode(), ("PLAY", "rtsp://h/é", "RTSP/1.0")),
        (b"PLAY rtsp://h/\xe9 RTSP/1.0\r\n\r\n", ("PLAY", "rtsp://h/é", "RTSP/1.0")),
        (b"x-Own.2 * RTSP/1.0\r\n\r\n", ("x-Own.2", "*", "RTSP/1.0")),
    ],
)
def test_request_lines(head: bytes, request_line: tuple[str, str, str]) -> None:
    message = parse_head(head, offset=0, limits=LIMITS)

    assert isinstance(message, Request)
    assert (message.method, message.uri, message.version) == request_line


@pytest.mark.parametrize(
    ("head", "status_line"),
    [
        (b"RTSP/1.0 200 OK\r\n\r\n", (200, "OK")),
        (b"RTSP/1.0 454 Session Not Found\r\n\r\n", (454, "Session Not Found")),
        (b"RTSP/1.0  200  OK \r\n\r\n", (200, "OK")),
        (b"rtsp/1.0 200\r\n\r\n", (200, "")),
        (b"RTSP/1.0 200 O\tK\r\n\r\n", (200, "O K")),
    ],
)
def test_status_lines(head: bytes, status_line: tuple[int, str]) -> None:
    message = parse_head(head, offset=0, limits=LIMITS)

    assert isinstance(message, Response)
    assert (message.status, message.reason) == status_line


@pytest.mark.parametrize(
    ("head", "status", "where", "fatal"),
    [
        (b"OPTIONS\r\n\r\n", 400, "request line", False),
        (b"OPTIONS RTSP/1.0\r\n\r\n", 400, "request line", False),
        (b"OPTIONS *\r\n\r\n", 400, "request line", False),
        (b"OPTIONS * SIP/2.0\r\n\r\n", 400, "first line", False),
        (b"OPTIONS * RTSP/1\r\n\r\n", 400, "first line", False),
        (b"OPTIONS * RTSP/x.y\r\n\r\n", 400, "first line", False),
        (b"OP(IONS * RTSP/1.0\r\n\r\n", 400, "request line", False),
        (b"OPTIONS *\r RTSP/1.0\r\n\r\n", 400, "first line", False),
        (b"SETUP rtsp://h/a\ttrackID=0 RTSP/1.0\r\n\r\n", 400, "request line", False),
        (b"OPTIONS * RTSP/2.0\r\n\r\n", 505, "first line", False),
        (b"OPTIONS * RTSP/0.9\r\n\r\n", 505, "first line", False),
        (b"RTSP/2.0 200 OK\r\n\r\n", 505, "first line", False),
        (b"RTSP/1.0 2x0 OK\r\n\r\n", 400, "status line", False),
        (b"RTSP/1.0 099 OK\r\n\r\n", 400, "status line", False),
        (b"RTSP/1.0\r\n\r\n", 400, "status line", False),
        (b"RTSP/ 200 OK\r\n\r\n", 400, "first line", False),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "first line", True),
        (b"PLAY rtsp://h/34567890123456 RTSP/1.0\r\n\r\n", 414, "request line", False),
        ("PLAY rtsp://h/éééééé RTSP/1.0\r\n\r\n".encode(), 414, "request line", False),
        (b"OPTIONS * RTSP/1.0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", 400, "header line", False),
    ],
)
def test_malformed_heads(head: bytes, status: int, where: str, fatal: bool) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_head(head, offset=100, limits=LIMITS)
    error = caught.value
    assert (error.status, error.where, error.fatal) == (status, where, fatal)
    assert error.offset is not None
    assert error.offset >= 100


@pytest.mark.parametrize(
    ("values", "size_bytes"), [([], 0), (["0"], 0), (["17"], 17), (["5", "5"], 5)]
)
def test_declared_body_bytes(values: list[str], size_bytes: int) -> None:
    headers = Headers([("content-length", value) for value in values])

    assert declared_body_bytes(headers, max_body_bytes=17) == size_bytes


@pytest.mark.parametrize(
    ("values", "status"),
    [
        (["18"], 413),
        (["9999999999"], 413),
        (["99999999999"], 400),
        (["-1"], 400),
        (["+1"], 400),
        (["1_0"], 400),
        (["0x1"], 400),
        ([""], 400),
        (["5", "6"], 400),
    ],
)
def test_a_length_that_leaves_the_next_message_unknown_is_fatal(
    values: list[str], status: int
) -> None:
    with pytest.raises(ProtocolError) as caught:
        declared_body_bytes(Headers([("Content-Length", v) for v in values]), max_body_bytes=17)
    assert (caught.value.status, caught.value.fatal) == (status, True)


def test_what_can_be_salvaged_of_a_broken_head() -> None:
    head = b"broken\r\ncseq :  17 \r\nContent-length:4\nno colon\r\n\r\n"

    assert salvaged_cseq(head) == 17
    assert salvaged_body_bytes(head) == 4
    assert salvaged_cseq(b"broken\r\nCSeq: x\r\n\r\n") is None
    assert salvaged_body_bytes(b"broken\r\n\r\n") is None


@pytest.mark.parametrize(
    ("line", "method"), [("GET /x y HTTP/1.1", "GET"), ("HEAD / http/9", "HEAD")]
)
def test_http_is_told_apart(line: str, method: str) -> None:
    with pytest.raises(HttpSpoken) as caught:
        parse_head(f"{line}\r\n\r\n".encode(), offset=0, limits=LIMITS)
    assert (caught.value.method, caught.value.fatal) == (method, True)

import pytest

from headwater.protocol.errors import Fault, ProtocolError
from headwater.protocol.headers import Headers
from headwater.protocol.message import Request, Response, response_bytes


def test_a_request_on_the_wire() -> None:
    request = Request("OPTIONS", "rtsp://h/x", Headers([("CSeq", "1")]))

    assert request.to_bytes() == b"OPTIONS rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\n\r\n"
    assert request.cseq == 1


def test_a_body_brings_its_length() -> None:
    request = Request("ANNOUNCE", "*", Headers([("CSeq", "1")]), b"v=0\r\n")

    assert request.to_bytes().endswith(b"CSeq: 1\r\nContent-Length: 5\r\n\r\nv=0\r\n")
    assert "Content-Length" not in request.headers


def test_a_wrong_length_is_put_right() -> None:
    response = Response(200, Headers([("Content-Length", "99"), ("CSeq", "2")]), b"ab")

    assert response.to_bytes() == (b"RTSP/1.0 200 OK\r\nContent-Length: 2\r\nCSeq: 2\r\n\r\nab")


@pytest.mark.parametrize(
    ("reason", "line"),
    [(None, b"RTSP/1.0 454 Session Not Found\r\n"), ("Gone away", b"RTSP/1.0 454 Gone away\r\n")],
)
def test_the_reason_of_a_response(reason: str | None, line: bytes) -> None:
    assert Response(454, reason=reason).to_bytes() == line + b"\r\n"


@pytest.mark.parametrize(
    ("value", "cseq"),
    [
        ("0", 0),
        ("4294967296", 4294967296),
        ("x", None),
        ("-1", None),
        ("1.5", None),
        ("", None),
        ("12345678901", None),
        ("١", None),
    ],
)
def test_cseq(value: str, cseq: int | None) -> None:
    assert Request("PLAY", "*", Headers([("cseq", value)])).cseq == cseq
    assert Response(200, Headers([("CSEQ", value)])).cseq == cseq


def test_no_cseq() -> None:
    assert Request("PLAY", "*").cseq is None


@pytest.mark.parametrize(
    "message",
    [
        Request("", "*"),
        Request("PL AY", "*"),
        Request("PLAY\r\n", "*"),
        Request("PLAY", ""),
        Request("PLAY", " x"),
        Request("PLAY", "rtsp://h/\r\nX: 1"),
        Request("PLAY", "rtsp://h/\ud800"),
        Response(20),
        Response(1000),
        Response(200, reason="a\r\nX: 1"),
    ],
)
def test_what_cannot_stand_on_the_first_line_is_refused(message: Request | Response) -> None:
    with pytest.raises(ProtocolError) as caught:
        message.to_bytes()
    assert caught.value.fault is Fault.LOCAL


@pytest.mark.parametrize("body", [b"", b"v=0\r\n"])
@pytest.mark.parametrize("status", [200, 461])
def test_an_answer_made_in_one_step_is_the_same(status: int, body: bytes) -> None:
    fields = [("Content-Base", "rtsp://h/p\té/"), ("Session", "1;timeout=60")]
    closing = "CSeq: 7\r\nServer: Headwater\r\n"
    whole = Headers([*fields, ("CSeq", "7"), ("Server", "Headwater")])
    assert response_bytes(status, fields, closing, body) == (
        Response(status, whole, body).to_bytes()
    )
    assert Response(status, Headers(fields), body).to_bytes(closing) == (
        Response(status, whole, body).to_bytes()
    )


@pytest.mark.parametrize("value", ["a\r\nEvil: 1", "a\nb", "\x00", "\udc80"])
def test_an_answer_made_in_one_step_holds_no_line_of_a_peer(value: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        response_bytes(200, [("Session", "1"), ("Content-Base", value)])
    assert (refusal.value.status, refusal.value.where) == (500, "Content-Base")

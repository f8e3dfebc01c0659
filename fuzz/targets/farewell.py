"""The answer to a peer that is turned away, by the first bytes that it sent."""

from __future__ import annotations

from fuzz.target import Target
from headwater.protocol.connection_parser import WireParser
from headwater.protocol.message import Response
from headwater.server.connections.farewell import farewell
from headwater.server.refusal import Refusal

REFUSAL = Refusal(503, "the server takes no more connections now", [("Retry-After", "5")])
MOST_BYTES = 512


def run(data: bytes) -> None:
    answer = farewell(REFUSAL, data)
    assert len(answer) <= MOST_BYTES, "a peer's bytes come back"
    head, _, body = answer.partition(b"\r\n\r\n")
    status_line, *headers = head.split(b"\r\n")
    if status_line.startswith(b"HTTP/1.1 503 "):
        assert b"HTTP/" in data.upper()
        assert b"Connection: close" in headers
        assert not body or b"Content-Length: %d" % len(body) in headers
        return
    parser = WireParser()
    parser.receive_data(answer)
    response = parser.next_event()
    assert isinstance(response, Response), answer
    assert response.status == 503
    assert response.body
    assert parser.next_event() is None
    if (cseq := response.headers.get("CSeq")) is not None:
        assert cseq.isdecimal()
        assert b"cseq" in data.lower()


TARGET = Target(
    invariant="any first bytes are answered with one short message, in HTTP only if they speak it",
    run=run,
    words=(
        *(b"OPTIONS * RTSP/1.0\r\n", b"GET / HTTP/1.1\r\n", b"HEAD / HTTP/1.0\r\n", b"HTTP/"),
        *(b"CSeq: 1\r\n", b"cseq:00000000000000000001\r\n", b"\r\n\r\n", b"\x16\x03\x01"),
    ),
    max_bytes=600,
)

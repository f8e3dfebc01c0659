"""HTTP and RTSP on one port are told apart by as few bytes as it takes."""

from __future__ import annotations

import pytest
from client_hello import hello

from headwater.protocol.first_bytes import begins_http

HTTP = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS /front/whep HTTP/1.1\r\n",
    b"POST /front/whip HTTP/1.0\n",
    hello("http/1.1"),
    hello("h2", "http/1.1"),
)
OTHER = (
    b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n",
    b"\r\nOPTIONS rtsp://x/GET RTSP/1.0\r\n",
    b"$\0\0\4data\n",
    b"nonsense\n",
    hello(),
)


@pytest.mark.parametrize(
    ("data", "is_http"), [*((data, True) for data in HTTP), *((data, False) for data in OTHER)]
)
def test_a_first_line_or_a_hello_tells(data: bytes, is_http: bool) -> None:
    assert begins_http(data) is is_http
    line_end = len(data) if data[:1] == b"\x16" else data.rindex(b"\n")
    # Before the end of the first line nothing is known.
    assert begins_http(data[: min(line_end, 5)]) is None

"""What the load reads out of answers."""

from __future__ import annotations

import pytest
from bench.rtsp_client import Response, RtspError, control_url, transport_ports

BASE = "rtsp://host/live"


def answer(body: str = "", **headers: str) -> Response:
    return Response(200, {name.replace("_", "-"): text for name, text in headers.items()},
                    body.encode())  # fmt: skip


@pytest.mark.parametrize(
    ("body", "content_base", "expected"),
    [
        ("m=video 0\r\na=control:trackID=0\r\n", None, BASE + "/trackID=0"),
        ("m=video 0\r\na=control:t\r\n", "rtsp://other/x/", "rtsp://other/x/t"),
        ("a=control:*\r\nm=video 0\r\na=control:t\r\n", None, BASE + "/t"),
        ("m=video 0\r\na=control:rtsp://host/whole\r\n", None, "rtsp://host/whole"),
        ("m=video 0\r\n", None, BASE),
    ],
)
def test_where_the_first_track_is_set_up(
    body: str, content_base: str | None, expected: str
) -> None:
    headers = {"content_base": content_base} if content_base else {}
    assert control_url(BASE, answer(body, **headers)) == expected


@pytest.mark.parametrize(
    ("transport", "ports"),
    [
        ("RTP/AVP;unicast;client_port=4-5;server_port=6-7", (6, 7)),
        ("RTP/AVP;unicast; server_port=6", (6, 7)),
    ],
)
def test_the_ports_of_a_transport(transport: str, ports: tuple[int, int]) -> None:
    assert transport_ports(answer(transport=transport), "server_port") == ports


def test_a_transport_without_the_ports_is_an_error() -> None:
    with pytest.raises(RtspError, match="no server_port"):
        transport_ports(answer(transport="RTP/AVP/TCP;interleaved=0-1"), "server_port")

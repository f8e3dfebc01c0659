"""The request as hooks see it: without credentials."""

from __future__ import annotations

import pytest

from headwater.hooks.request import HeaderView, HookRequest
from headwater.side import Side

_HEADERS = [
    ("CSeq", "3"),
    ("User-Agent", "Lavf59"),
    ("AUTHORIZATION", "Basic aHVudGVyOmh1bnRlcjI="),
    ("Proxy-Authorization", "Basic aHVudGVyOmh1bnRlcjI="),
    ("X-Tag", "a"),
    ("x-tag", "b"),
]


def _request(uri: str = "rtsp://hunter:hunter2@h:8554/a/b?token=s3cret") -> HookRequest:
    return HookRequest.of(
        method="DESCRIBE",
        uri=uri,
        path="/a/b",
        query="token=s3cret",
        headers=iter(_HEADERS),
        peer=("192.0.2.7", 50000),
        side=Side.PLAY,
    )


def test_hook_sees_the_request() -> None:
    request = _request()
    assert request.method == "DESCRIBE"
    assert request.uri == "rtsp://h:8554/a/b?token=s3cret"
    assert (request.scheme, request.path, request.query) == ("rtsp", "/a/b", "token=s3cret")
    assert request.peer == ("192.0.2.7", 50000)
    assert request.user_agent == "Lavf59"
    assert request.auth_scheme == "basic"
    assert request.side == "play"


def test_headers_hold_no_credentials() -> None:
    headers = _request().headers
    assert dict(headers) == {"CSeq": "3", "User-Agent": "Lavf59", "X-Tag": "a, b"}
    assert "authorization" not in headers
    assert "cseq" in headers
    assert 7 not in headers  # type: ignore[comparison-overlap]
    assert headers["x-TAG"] == "a, b"
    assert len(headers) == 3
    with pytest.raises(KeyError):
        headers["Authorization"]


def test_repr_shows_neither_credentials_nor_tokens() -> None:
    shown = repr(_request()) + repr(_request().headers)
    for secret in ("hunter", "s3cret", "aHVudGVy"):
        assert secret not in shown
    assert "/a/b" in shown


@pytest.mark.parametrize(
    ("uri", "seen", "scheme"),
    [
        ("rtsps://u:p@h/a", "rtsps://h/a", "rtsps"),
        ("RTSP://h/a@b", "RTSP://h/a@b", "rtsp"),
        ("rtsp://u:p%40@h", "rtsp://h", "rtsp"),
        ("rtsp://u:p@p@h/x", "rtsp://h/x", "rtsp"),
        ("*", "*", "rtsp"),
        ("/a:b", "/a:b", "rtsp"),
    ],
)
def test_uri_loses_its_credentials(uri: str, seen: str, scheme: str) -> None:
    request = _request(uri)
    assert (request.uri, request.scheme) == (seen, scheme)


def test_no_headers_means_no_user_agent_and_no_scheme() -> None:
    request = HookRequest.of(
        method="ANNOUNCE",
        uri="rtsp://h/a",
        path="/a",
        query="",
        headers=[("Authorization", " ")],
        peer=("::1", 1),
        side=Side.PUBLISH,
    )
    assert (request.user_agent, request.auth_scheme) == ("", None)
    assert not HeaderView()

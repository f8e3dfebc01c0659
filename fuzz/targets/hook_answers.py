"""What the owner's hooks return, and what they are shown."""

from __future__ import annotations

from fuzz.target import Target, fields, text_of
from headwater.hooks.answers import Redirect, mount_verdict
from headwater.hooks.request import HookRequest
from headwater.protocol.headers import Headers
from headwater.side import Side


def run(data: bytes) -> None:
    answer, uri, agent = map(text_of, fields(data, 3))
    try:
        verdict = mount_verdict(answer)
    except ValueError as error:
        assert len(str(error)) < 300
    else:
        assert isinstance(verdict, Redirect)
        assert verdict.status == 302
        assert Headers([("Location", verdict.uri)]).get("Location") == verdict.uri
    request = HookRequest.of(
        method="DESCRIBE",
        uri=uri,
        path="/a",
        query="",
        headers=[("User-Agent", agent), ("Authorization", f"Basic {agent}")],
        peer=("192.0.2.1", 5),
        side=Side.PLAY,
    )
    assert request.user_agent == agent
    assert "Authorization" not in request.headers
    assert len(request.uri) <= len(uri)


TARGET = Target(
    invariant="a returned text is a redirect that fits one header line or a ValueError, and hooks "
    "never see credentials",
    run=run,
    words=(b"rtsp://", b"rtsps://h/a", b"RTSP://", b"\0", b"@", b"user:secret@h", b"\r\nX: 1"),
    max_bytes=300,
)

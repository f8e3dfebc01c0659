"""What a request of the web says: the mount that it names, its body, and who sent it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.websockets import WebSocket

from headwater.hooks import HookRequest
from headwater.http.connection import HttpConnection
from headwater.http.refusal import HttpRefusal
from headwater.net.socket_address import Address
from headwater.net.stream import ByteStream
from headwater.protocol.rtsp_uri import decoded_path
from headwater.relay.limit_settings import LimitSettings
from headwater.side import Side


class WebStream(Protocol):
    """The bytes beneath a request."""

    @property
    def secure(self) -> bool:
        """Whether TLS is on them."""

    @property
    def local_address(self) -> Address:
        """Where the peer connected to."""

    @property
    def peer_certificate(self) -> Mapping[str, Any] | None:
        """The certificate that the peer has shown."""


class WebConnection(Protocol):
    """What a request came on: a connection of the door's, or one that another server holds."""

    @property
    def peer(self) -> tuple[str, int]:
        """The peer's address and port."""

    @property
    def peer_text(self) -> str:
        """The peer as log lines name it."""

    @property
    def stream(self) -> WebStream:
        """The bytes beneath."""

    def abort(self) -> None:
        """Close at once, as far as that is ours to do."""

    def end_with_peer(self) -> None:
        """Have an answer that has no end go on only while the peer is there."""


def connection_of(request: HTTPConnection) -> WebConnection:
    """Return the connection that a request came on."""
    connection: WebConnection = request.scope["state"]["connection"]
    return connection


def stream_of(socket: WebSocket) -> ByteStream:
    """Return the stream beneath a WebSocket: they come by the door's own connections alone."""
    connection: HttpConnection = socket.scope["state"]["connection"]
    return connection.stream


def target_of(request: HTTPConnection) -> str:
    """Return path and query as they came, without a fragment: what a digest signs."""
    path = request.scope["raw_path"].decode("ascii")
    query = request.scope["query_string"].decode("ascii", "replace")
    return f"{path}?{query}" if query else path


def hook_request_of(request: HTTPConnection, side: Side, path: str) -> HookRequest:
    """Return what the owner's hooks see of a request that names the mount at `path`."""
    connection = connection_of(request)
    return HookRequest.of(
        method=request.scope.get("method", "GET"),
        uri=f"{request.url.scheme}://{request.url.netloc}{target_of(request)}",
        path=path,
        query=request.scope["query_string"].decode("ascii", "replace"),
        headers=request.headers.items(),
        peer=connection.peer,
        side=side,
        certificate=connection.stream.peer_certificate,
        protocol="http",
    )


def mount_path_of(request: HTTPConnection, limits: LimitSettings, *, behind: int = 0) -> str:
    """Return the path of the mount that a request names.

    Args:
        request: the request.
        limits: how long it may be.
        behind: how many segments of the address stand behind the mount's.

    Raises:
        ProtocolError: it is no path of a mount: not UTF-8, with dot segments, …
        HttpRefusal: it is too long.
    """
    # As it came: decoded twice, `%252e` would be another name here than in RTSP.
    raw = request.scope["raw_path"].decode("ascii")
    if behind:
        raw = raw.rsplit("/", behind)[0]
    path = decoded_path(raw or "/")
    if len(path.encode()) > limits.path_bytes:
        raise HttpRefusal(
            414,
            f"the mount's path is longer than {limits.path_bytes} bytes (limits.path_bytes)",
            code="limit",
        )
    return path


async def body_of(request: Request, limits: LimitSettings, media_type: str) -> bytes:
    """Return a request's body.

    Raises:
        HttpRefusal: it is of another media type, too long, or does not come in time.
    """
    given = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if given != media_type:
        raise HttpRefusal(
            415, f"the body must be {media_type}, and is {given or 'untyped'}", code="media_type"
        )
    most = limits.body_bytes
    too_long = HttpRefusal(
        413, f"the body is longer than {most} bytes (limits.body_bytes)", code="limit"
    )
    if _announced(request) > most:
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(limits.request_timeout_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise too_long
    except TimeoutError:
        raise HttpRefusal(
            408,
            f"the body did not come within {limits.request_timeout_s:g} s "
            "(limits.request_timeout_s)",
            code="too_slow",
        ) from None
    except ClientDisconnect:
        raise HttpRefusal(400, "the body ended early", code="unreadable") from None
    return bytes(body)


def has_body(request: HTTPConnection) -> bool:
    """Return whether a request announces a body."""
    return _announced(request) > 0 or "Transfer-Encoding" in request.headers


def _announced(request: HTTPConnection) -> int:
    text = request.headers.get("Content-Length", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0

"""HTTP/2 for browsers, on a port of its own: granian's embedded server, in this loop.

Connections, TLS and the protocol are granian's, in a thread of its own. Requests come to the same
application as those of the door, with the same rights; WebSockets do not.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, cast

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headwater.http.connections import HttpConnections, HttpCounters
from headwater.http.settings import HttpSettings
from headwater.log_pace import paced_logger
from headwater.net.errors import SettingPortError
from headwater.net.settings import TlsSettings, TlsVersion
from headwater.net.socket_address import address_text, family_of, socket_address
from headwater.net.tcp_listener import spread
from headwater.relay.limits import Limits

logger = paced_logger(__name__)

_CLOSE_DEADLINE_S: Final = 2.0
_STREAMS_PER_CONNECTION: Final = 64
_KEEP_ALIVE_S: Final = 20
_VERSIONS: Final = {
    TlsVersion.TLS_1_2: SSLProtocols.tls12,
    TlsVersion.TLS_1_3: SSLProtocols.tls13,
}
_QUIET: Final[dict[str, Any]] = {"incremental": True, "handlers": {}, "loggers": {}}
"""Or granian would replace all handlers of the program's log by its own."""
_UNSERVED: Final[tuple[Message, ...]] = (
    {
        "type": "http.response.start",
        "status": 503,
        "headers": [(b"retry-after", b"5"), (b"content-length", b"0")],
    },
    {"type": "http.response.body", "body": b""},
)


class Embedded(Protocol):
    """What is used of granian's server."""

    wrks: list[Any]

    async def serve(self) -> None:
        """Bind, and serve until `stop`."""

    def stop(self) -> None:
        """Have `serve` end once the peers have gone."""


class Http2Settings(Protocol):
    """The sections that it reads."""

    @property
    def http(self) -> HttpSettings:
        """The port."""

    @property
    def tls(self) -> TlsSettings:
        """The certificate."""


@dataclass(frozen=True, slots=True)
class HeldStream:
    """What is known of the bytes beneath a request: granian has them."""

    local_address: tuple[str, int]
    secure: bool = True
    peer_certificate: None = None


@dataclass(frozen=True, slots=True)
class HeldConnection:
    """The connection of a request, as far as it is known."""

    peer: tuple[str, int]
    stream: HeldStream

    @property
    def peer_text(self) -> str:
        """The peer as log lines name it."""
        return address_text(self.peer)

    def abort(self) -> None:
        """Do nothing: an answer that does not end is reset with its request."""

    def end_with_peer(self) -> None:
        """Do nothing: granian tells of a request that its peer has given up."""


class HalfAnswerError(Exception):
    """An answer was begun and not ended."""


class Http2Door:
    """Serves an application by HTTP/2, and by HTTP/1.1 where a peer knows no other.

    Limits of the settings hold for requests that go on at one time, where the door's hold for
    connections: granian does not tell of those.
    """

    def __init__(
        self, app: ASGIApp, limits: Limits, counters: HttpCounters, settings: Http2Settings
    ) -> None:
        self._app = app
        self._limits = limits
        self._counters = counters
        self._settings = settings
        self._requests = HttpConnections(limits, counters)
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[tuple[Embedded, asyncio.Task[None]]] = []
        self._port = 0
        self._open = False

    @property
    def port(self) -> int:
        """The port that is bound; 0 before `open`."""
        return self._port

    def open(self, hosts: Sequence[str]) -> None:
        """Serve on numeric hosts, `""` for every address.

        Raises OSError, with the port in its message, where it is taken.
        """
        self._open = True
        numeric = spread(hosts)
        self._port = _free_port(numeric, self._settings.http.http2_port or 0)
        for host in numeric:
            server = self._server(host)
            serving = asyncio.get_running_loop().create_task(server.serve())
            serving.add_done_callback(_served)
            self._servers.append((server, serving))

    def close(self) -> None:
        """Take no more requests; those that go on stay."""
        self._open = False

    def abandon(self) -> None:
        """Give up what `open` has begun, in the same turn of the loop."""
        self.close()
        for _, serving in self._servers:
            serving.cancel()
        self._servers.clear()

    async def aclose(self) -> None:
        """End every request and connection."""
        self.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Not before: peers that are told to go do not wait for their answers.
        for server, _ in self._servers:
            server.stop()
        for server, serving in self._servers:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_DEADLINE_S):
                    await asyncio.shield(serving)
            if not serving.done():
                # A peer neither goes nor reads that it should.
                for worker in server.wrks:
                    worker.kill()
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
        self._servers.clear()

    def _server(self, host: str) -> Embedded:
        limits, tls = self._limits.settings, self._settings.tls
        server = Server(
            self._answer,
            address=host,
            port=self._port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.auto,
            websockets=False,
            backpressure=limits.connections,
            http1_settings=HTTP1Settings(
                header_read_timeout=round(limits.request_timeout_s * 1000),
                max_buffer_size=max(8_192, limits.header_bytes),
            ),
            http2_settings=HTTP2Settings(
                keep_alive_interval=_KEEP_ALIVE_S * 1000,
                keep_alive_timeout=_KEEP_ALIVE_S,
                max_concurrent_streams=_STREAMS_PER_CONNECTION,
                max_headers_size=limits.header_bytes,
            ),
            log_enabled=False,
            log_dictconfig=_QUIET,
            ssl_cert=Path(tls.certificate),
            ssl_key=Path(tls.key or tls.certificate),
            ssl_protocol_min=_VERSIONS[tls.minimum_version],
        )
        return cast("Embedded", server)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request in a task of its own: granian's is none that can be cancelled."""
        host, port = scope["client"]
        if not self._open or not self._requests.admit(host, waiting=len(self._tasks)):
            for message in _UNSERVED:
                await send(message)
            return
        try:
            task = asyncio.get_running_loop().create_task(
                self._in_task(scope, (host, int(port)), receive, send)
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            await task
        finally:
            self._counters.requests += 1
            self._requests.forget_address(host)

    async def _in_task(
        self, scope: Scope, peer: tuple[str, int], receive: Receive, send: Send
    ) -> None:
        local_host, local_port = scope["server"]
        server = (local_host, int(local_port))
        ended = False

        async def noted(message: Message) -> None:
            nonlocal ended
            await send(message)
            ended |= message["type"] == "http.response.body" and not message.get("more_body")

        connection = HeldConnection(peer, HeldStream(server))
        told = {**scope, "client": peer, "server": server, "state": {"connection": connection}}
        await self._app(told, receive, noted)
        if not ended:
            raise HalfAnswerError


def _served(serving: asyncio.Task[None]) -> None:
    error = None if serving.cancelled() else serving.exception()
    if error is not None:
        logger.error("HTTP/2 is not served any more", exc_info=error)


def _free_port(hosts: Sequence[str], port: int) -> int:
    """Return the port, or where it is 0 one that is free. Raises OSError where it is taken."""
    for host in hosts:
        with socket.socket(family_of(host), socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if sock.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                sock.bind(socket_address(host, port))
            except OSError as error:
                message = f"cannot bind TCP port {port} of {host}"
                setting = "http.http2_port"
                raise SettingPortError(error, message, setting=setting, port=port) from error
            port = sock.getsockname()[1]
    return port

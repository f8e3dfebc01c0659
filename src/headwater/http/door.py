"""The web's door: its port, and what happens to a peer that connects."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Protocol

from starlette.routing import BaseRoute
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from headwater.http.clearance import Clearance
from headwater.http.connection import HttpConnection
from headwater.http.connections import HttpConnections, HttpCounters
from headwater.http.logins import Logins
from headwater.http.quick_answers import QuickAnswers, QuickRoute
from headwater.http.settings import HttpSettings
from headwater.http.web_app import WebApp
from headwater.log_pace import paced_logger
from headwater.net.preamble import Greeting, Preamble
from headwater.net.settings import NetSections
from headwater.net.socket_address import Address
from headwater.net.socket_buffers import bound_unsent
from headwater.net.stream import ByteStream
from headwater.net.tcp_listener import PortListener
from headwater.net.tcp_stream import TcpStream
from headwater.net.tls_stream import TlsStream
from headwater.relay.relay import Relay

logger = paced_logger(__name__)
_uvicorn_logger = paced_logger(f"{__name__}.uvicorn")
# What peers do wrong is counted and answered; a line for each would be theirs to write.
_uvicorn_logger.setLevel(logging.ERROR)

_CLOSE_DEADLINE_S = 1.0
"""How long peers may take at the stop to receive what waits for them."""
_MOST_MESSAGE_BYTES = 65_536
"""Of a WebSocket message that a page sends."""
_NEVER_S = 1 << 30
_OVERLOADED = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


class ListenSettings(Protocol):
    """What the web has in common with RTSP of how to listen."""

    @property
    def backlog(self) -> int:
        """How many connections may wait in the kernel."""

    @property
    def server_name(self) -> str:
        """What the server calls itself."""

    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return the networks of proxies that name the real peer."""


class DoorSettings(NetSections, Protocol):
    """The sections that the door reads."""

    @property
    def http(self) -> HttpSettings:
        """The port, and which sites may use it."""

    @property
    def server(self) -> ListenSettings:
        """How to listen."""


class HttpDoor:
    """Accepts connections, and has uvicorn speak HTTP/1.1 and WebSocket on them.

    Attributes:
        clearance: what routes ask before they do anything with a mount.
        connections: those that are open.
        counters: what was counted since the start.
        logins: who logged in with a browser.
    """

    def __init__(self, relay: Relay, settings: DoorSettings) -> None:
        self._relay = relay
        self._loop = relay.loop
        self._limits = relay.limits
        self._settings = settings
        self._proxies = settings.server.proxy_networks()
        self.clearance = Clearance(relay.admission)
        self.counters = HttpCounters()
        self.connections = HttpConnections(relay.limits, self.counters)
        self.logins = Logins(settings.http, relay.clock)
        self._app = WebApp(
            settings.http,
            relay.limits,
            self.counters,
            settings.server.server_name,
            self.logins,
        )
        self._quick = QuickAnswers(
            relay.limits, self.counters, settings.http, settings.server.server_name
        )
        self._state = ServerState()
        self._config = _uvicorn_config(self._app)
        self._preambles: set[Preamble] = set()
        self._shared_port: int | None = None
        self._open = False
        self._listener: PortListener | None = None
        relay.upkeep.add(self.connections.enforce)

    @property
    def port(self) -> int:
        """The port that is bound; 0 before `open`."""
        if self._listener is not None:
            return self._listener.port
        return self._shared_port or 0

    def share(self, port: int) -> None:
        """Open no port of its own: another one's connections of HTTP are given to `adopt`."""
        self._shared_port = port

    def adopt(self, sock: socket.socket, greeting: Greeting) -> None:
        """Take in a connection that was accepted elsewhere, with what was read of it."""
        if not self._open:
            sock.close()
        elif self._admit(sock, greeting.peer[0]):
            self._open_connection(sock, greeting)

    @property
    def app(self) -> WebApp:
        """What answers, for another way in."""
        return self._app

    def add(self, routes: Iterable[BaseRoute]) -> None:
        """Serve the routes of a room."""
        self._app.add(routes)

    def add_quick(self, route: QuickRoute) -> None:
        """Serve what hangs on the address alone, in front of all other routes."""
        self._quick.add(route)

    def add_last(self, routes: Iterable[BaseRoute]) -> None:
        """Serve routes that all others go before."""
        self._app.add_last(routes)

    def open(self, hosts: Sequence[str]) -> None:
        """Bind and accept on numeric hosts, `""` for every address.

        Raises OSError, with the port in its message, where it is taken.
        """
        self._open = True
        if self._shared_port is not None:
            return
        listener = self._relay.name_space.listener(
            self._loop,
            self._accept,
            backlog=self._settings.server.backlog,
            overload_answer=_OVERLOADED,
        )
        listener.bind(hosts, self._settings.http.port or 0)
        listener.start()
        self._listener = listener

    def apply(self, settings: DoorSettings) -> None:
        """Go by other settings from the next connection or request on."""
        self._settings = settings
        self._proxies = settings.server.proxy_networks()
        self._app.go_by(settings.http)
        self._app.server_name = settings.server.server_name
        self._quick.go_by(settings.http, settings.server.server_name)
        if self._listener is not None:
            self._listener.set_backlog(settings.server.backlog)

    def close(self) -> None:
        """Accept no more; connections that are open stay, those that said nothing yet go."""
        self._open = False
        if self._listener is not None:
            self._listener.close()
        for preamble in self._preambles:
            preamble.close()
        self._preambles.clear()

    async def aclose(self) -> None:
        """End every request and connection."""
        self.close()
        tasks = (*self._state.tasks, *self._quick.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in self.connections:
            connection.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_DEADLINE_S):
                await self.connections.all_gone.wait()
        for connection in self.connections:
            connection.abort()
        await self.connections.all_gone.wait()

    # -- accepting

    def _accept(self, sock: socket.socket, peer: Address) -> None:
        expects_proxy = any(ip_address(peer[0]) in network for network in self._proxies)
        # A proxy's own address has no count: its clients have theirs, once they are known.
        if not expects_proxy and not self._admit(sock, peer[0]):
            return
        preamble: Preamble

        def greeted(sock: socket.socket, greeting: Greeting) -> None:
            self._preambles.discard(preamble)
            if not expects_proxy or self._admit(sock, greeting.peer[0]):
                self._open_connection(sock, greeting)

        def failed(_peer: Address, _cause: str) -> None:
            self._preambles.discard(preamble)
            self.counters.connections_closed_by_cause["preamble"] += 1
            if not expects_proxy:
                self.connections.forget_address(peer[0])

        try:
            preamble = Preamble(
                sock,
                peer,
                self._loop,
                expects_proxy=expects_proxy,
                deadline_s=self._limits.settings.first_byte_timeout_s,
                on_greeting=greeted,
                on_failure=failed,
            )
        except BaseException:
            if not expects_proxy:
                self.connections.forget_address(peer[0])
            raise
        self._preambles.add(preamble)

    def _admit(self, sock: socket.socket, host: str) -> bool:
        if self.connections.admit(host, waiting=len(self._preambles)):
            return True
        with suppress(OSError):
            sock.send(_OVERLOADED)
        sock.close()
        return False

    def _open_connection(self, sock: socket.socket, greeting: Greeting) -> None:
        peer = (greeting.peer[0], greeting.peer[1])
        connection = HttpConnection(
            peer, self._limits.settings, self._loop.time, self._connection_lost, self._quick
        )
        try:
            if self._settings.sockets.tcp_unsent_bytes:
                bound_unsent(sock, self._settings.sockets.tcp_unsent_bytes)
            stream = self._stream(sock, connection, greeting)
        except Exception:
            logger.exception("connection not opened", extra={"peer": connection.peer_text})
            self.connections.forget_address(peer[0])
            sock.close()
            return
        protocol = HttpToolsProtocol(
            self._config, self._state, {"connection": connection}, self._loop.beneath
        )
        protocol.logger = _uvicorn_logger
        protocol.access_log = False
        connection.attach(stream, protocol)
        self.connections.add(connection)

    def _stream(
        self, sock: socket.socket, connection: HttpConnection, greeting: Greeting
    ) -> ByteStream:
        sockets, tls = self._settings.sockets, self._relay.certificates.tls
        make: Callable[..., ByteStream] = TcpStream
        if greeting.tls and tls is not None:
            deadline_s = self._settings.tls.handshake_deadline_s
            make = partial(TlsStream, context=tls.context, handshake_deadline_s=deadline_s)
        return make(
            sock,
            self._loop,
            connection,
            initial_data=greeting.initial_data,
            read_bytes=sockets.read_bytes,
            reads_per_wake=sockets.reads_per_wake,
            close_deadline_s=sockets.close_deadline_s,
            peer_address=greeting.peer,
        )

    def _connection_lost(self, connection: HttpConnection, _error: Exception | None) -> None:
        self.connections.remove(connection)


def _uvicorn_config(app: WebApp) -> Config:
    config = Config(
        app,
        http=HttpToolsProtocol,
        ws=WebSocketsSansIOProtocol,
        lifespan="off",
        log_config=None,
        log_level=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        # The door has deadlines of its own.
        timeout_keep_alive=_NEVER_S,
        ws_max_size=_MOST_MESSAGE_BYTES,
        ws_per_message_deflate=False,
    )
    config.load()
    config.ws_protocol_class = _websocket_protocol  # type: ignore[assignment]
    return config


def _websocket_protocol(**arguments: Any) -> WebSocketsSansIOProtocol:
    """Make what uvicorn makes where a connection changes to WebSocket, with our logger."""
    protocol = WebSocketsSansIOProtocol(**arguments)
    protocol.logger = _uvicorn_logger
    return protocol

"""The ports that the server listens on, and what happens to a peer that connects."""

from __future__ import annotations

import logging
import socket
from collections import Counter
from typing import TYPE_CHECKING

from headwater.net.socket_address import Address, unmapped
from headwater.net.socket_buffers import set_send_buffer
from headwater.net.tcp_listener import TcpListener
from headwater.net.tcp_stream import TcpStream
from headwater.protocol.headers import Headers
from headwater.protocol.message import Response
from headwater.protocol.status import Status
from headwater.server.connection import Connection
from headwater.server.role import EITHER_ROLE, Role

if TYPE_CHECKING:
    from headwater.server.service import Service

logger = logging.getLogger(__name__)

_OVERLOADED = Response(
    status=Status.SERVICE_UNAVAILABLE, headers=Headers([("Retry-After", "5")])
).to_bytes()


class Listeners:
    """One listener for both roles where the ports are equal, else one for each."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._listeners: list[TcpListener] = []
        self._by_address: Counter[str] = Counter()

    def open(self) -> None:
        """Bind and accept. Raises OSError, with the port in its message, where one is taken."""
        server = self._service.settings.server
        if server.publish_port == server.play_port:
            self._listen(server.play_port, EITHER_ROLE)
            return
        self._listen(server.publish_port, frozenset({Role.PUBLISH}))
        self._listen(server.play_port, frozenset({Role.PLAY}))

    def close(self) -> None:
        """Accept no more; connections that are open stay."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    def connection_lost(self, connection: Connection) -> None:
        """Forget a connection in the count of its address."""
        self._by_address[connection.peer_ip] -= 1
        if self._by_address[connection.peer_ip] <= 0:
            del self._by_address[connection.peer_ip]

    def _listen(self, port: int, roles: frozenset[Role]) -> None:
        service = self._service
        listener = TcpListener(
            service.loop,
            lambda sock, peer: self._accept(sock, peer, roles),
            backlog=service.settings.server.backlog,
            overload_answer=_OVERLOADED,
        )
        self._listeners.append(listener)
        bound = listener.bind((service.settings.server.host,), port)
        for role in roles:
            service.ports[role] = bound
        listener.start()

    def _accept(self, sock: socket.socket, peer: Address, roles: frozenset[Role]) -> None:
        service = self._service
        host, port = unmapped(peer)[:2]
        limit = self._reached_limit(host)
        if limit is not None:
            service.refuse_over_limit(limit, host)
            _turn_away(sock)
            return
        connection = Connection(service, roles, (host, port), secure=False)
        sockets = service.settings.sockets
        if sockets.tcp_send_buffer_bytes:
            set_send_buffer(sock, sockets.tcp_send_buffer_bytes)
        connection.attach(
            TcpStream(
                sock,
                service.loop,
                connection,
                read_bytes=sockets.read_bytes,
                reads_per_wake=sockets.reads_per_wake,
                close_deadline_s=sockets.close_deadline_s,
                peer_address=(host, port),
            )
        )
        service.connection_opened(connection)
        self._by_address[host] += 1

    def _reached_limit(self, host: str) -> str | None:
        limits = self._service.settings.limits
        if len(self._service.connections) >= limits.connections:
            return "connections"
        if self._by_address[host] >= limits.connections_per_address:
            return "connections_per_address"
        return None


def _turn_away(sock: socket.socket) -> None:
    """Answer 503 as far as the socket's empty buffer takes it, and close."""
    try:
        sock.setblocking(False)
        sock.send(_OVERLOADED)
    except OSError:
        logger.debug("a peer over a limit was gone before its answer")
    finally:
        sock.close()

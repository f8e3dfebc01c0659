"""The ports that the server listens on, and what happens to a peer that connects."""

from __future__ import annotations

import socket
import ssl
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING

from headwater.log_pace import paced_logger
from headwater.net.preamble import Greeting, Preamble
from headwater.net.socket_address import Address, address_block, address_text, unmapped
from headwater.net.socket_buffers import bound_unsent, set_send_buffer
from headwater.net.tcp_listener import TcpListener
from headwater.net.tcp_stream import TcpStream
from headwater.net.tls_stream import TlsStream
from headwater.protocol.status import Status
from headwater.server.connection import Connection
from headwater.server.farewell import farewell
from headwater.server.refusal import Refusal
from headwater.server.role import EITHER_ROLE, Role

if TYPE_CHECKING:
    from headwater.server.service import Service

logger = paced_logger(__name__)

_OVERLOADED = Refusal(
    Status.SERVICE_UNAVAILABLE, "the server takes no more connections now", [("Retry-After", "5")]
)
_TLS_NEEDED = Refusal(Status.FORBIDDEN, "this port accepts only TLS; use rtsps://")
_FIRST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class _Door:
    """What one port is for."""

    roles: frozenset[Role]
    tls_only: bool


class Listeners:
    """One listener for both roles where the ports are equal, else one for each; one for TLS."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._hosts: tuple[str, ...] = ()
        self._listeners: list[TcpListener] = []
        self._preambles: set[Preamble] = set()
        self._by_address: Counter[str] = Counter()
        self._proxies = service.settings.server.proxy_networks()

    def open(self, hosts: Sequence[str]) -> None:
        """Bind and accept on numeric hosts, `""` for every address.

        Raises OSError, with the port in its message, where one is taken.
        """
        self._hosts = tuple(hosts)
        server = self._service.settings.server
        if server.publish_port == server.reader_port:
            self._listen(server.publish_port, _Door(EITHER_ROLE, server.tls_only))
        else:
            for port, role in (
                (server.publish_port, Role.PUBLISH),
                (server.reader_port, Role.PLAY),
            ):
                self._listen(port, _Door(frozenset({role}), server.tls_only))
        if server.rtsps_port:
            self._bind(server.rtsps_port, _Door(EITHER_ROLE, tls_only=True))

    def close(self) -> None:
        """Accept no more; connections that are open stay, those that said nothing yet go."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for preamble in self._preambles:
            preamble.close()
        self._preambles.clear()
        self._by_address.clear()

    def connection_lost(self, connection: Connection) -> None:
        """Forget a connection in the count of its address."""
        self._forget_address(connection.peer_ip)

    def _listen(self, port: int, door: _Door) -> None:
        bound = self._bind(port, door)
        for role in door.roles:
            self._service.ports[role] = bound

    def _bind(self, port: int, door: _Door) -> int:
        service = self._service
        listener = TcpListener(
            service.loop,
            partial(self._accept, door),
            backlog=service.settings.server.backlog,
            overload_answer=farewell(_OVERLOADED, b""),
        )
        self._listeners.append(listener)
        bound = listener.bind(self._hosts, port)
        listener.start()
        return bound

    def _accept(self, door: _Door, sock: socket.socket, peer: Address) -> None:
        peer = unmapped(peer)
        expects_proxy = any(ip_address(peer[0]) in network for network in self._proxies)
        # A proxy's own address has no count: its clients have theirs, once they are known.
        counted = None if expects_proxy else peer[0]
        if not self._admit(sock, counted, peer[0]):
            return
        try:
            if self._service.tls is None and not expects_proxy:
                self._open_connection(door, sock, Greeting(peer, b"", tls=False))
            else:
                self._await_first_bytes(door, sock, peer, expects_proxy=expects_proxy)
        except Exception as error:  # noqa: BLE001 - one peer's trouble, and nobody else's
            self._give_up(sock, counted, peer, error)

    def _await_first_bytes(
        self, door: _Door, sock: socket.socket, peer: Address, *, expects_proxy: bool
    ) -> None:
        limits = self._service.settings.limits
        preamble: Preamble

        def greeted(sock: socket.socket, greeting: Greeting) -> None:
            self._preambles.discard(preamble)
            counted = None if expects_proxy else peer[0]
            try:
                if expects_proxy:
                    if not self._admit(sock, greeting.peer[0], greeting.peer[0]):
                        return
                    counted = greeting.peer[0]
                self._open_connection(door, sock, greeting)
            except Exception as error:  # noqa: BLE001 - one peer's trouble, and nobody else's
                self._give_up(sock, counted, greeting.peer, error)

        def failed(_peer: Address, cause: str) -> None:
            self._preambles.discard(preamble)
            if not expects_proxy:
                self._forget_address(peer[0])
            self._service.counters.connections_closed_by_cause["preamble"] += 1
            logger.debug("connection ended early", extra={"peer": peer[0], "cause": cause})

        preamble = Preamble(
            sock,
            peer,
            self._service.loop,
            expects_proxy=expects_proxy,
            deadline_s=limits.first_byte_timeout_s,
            on_greeting=greeted,
            on_failure=failed,
        )
        self._preambles.add(preamble)

    def _open_connection(self, door: _Door, sock: socket.socket, greeting: Greeting) -> None:
        service = self._service
        tls = service.tls
        if door.tls_only and not greeting.tls:
            self._forget_address(greeting.peer[0])
            service.counters.connections_closed_by_cause["no TLS"] += 1
            logger.info(
                "connection without TLS refused",
                extra={"peer": address_text(greeting.peer), "cause": _TLS_NEEDED.reason},
            )
            _turn_away(sock, _TLS_NEEDED, greeting.initial_data)
            return
        peer = (greeting.peer[0], greeting.peer[1])
        sockets = service.settings.sockets
        context = tls.context if greeting.tls and tls is not None else None
        connection: Connection | None = None
        try:
            connection = Connection(service, door.roles, peer, secure=context is not None)
            if sockets.tcp_send_buffer_bytes:
                set_send_buffer(sock, sockets.tcp_send_buffer_bytes)
            if sockets.tcp_unsent_bytes:
                bound_unsent(sock, sockets.tcp_unsent_bytes)
            connection.attach(self._stream(sock, connection, greeting, context))
            service.connection_opened(connection)
        except Exception:
            if connection is None or not connection.attached:
                raise
            logger.exception("connection not opened", extra={"peer": connection.peer})
            # Its stream tells those who count it.
            connection.abort()

    def _stream(
        self,
        sock: socket.socket,
        connection: Connection,
        greeting: Greeting,
        context: ssl.SSLContext | None,
    ) -> TcpStream | TlsStream:
        service = self._service
        sockets = service.settings.sockets
        if context is None:
            return TcpStream(
                sock,
                service.loop,
                connection,
                initial_data=greeting.initial_data,
                read_bytes=sockets.read_bytes,
                reads_per_wake=sockets.reads_per_wake,
                close_deadline_s=sockets.close_deadline_s,
                peer_address=greeting.peer,
                queued_total=service.answer_budget.queued,
            )
        return TlsStream(
            sock,
            service.loop,
            connection,
            context,
            initial_data=greeting.initial_data,
            handshake_deadline_s=service.settings.tls.handshake_deadline_s,
            read_bytes=sockets.read_bytes,
            reads_per_wake=sockets.reads_per_wake,
            close_deadline_s=sockets.close_deadline_s,
            peer_address=greeting.peer,
            queued_total=service.answer_budget.queued,
        )

    def _admit(self, sock: socket.socket, counted: str | None, peer: str) -> bool:
        """Count a connection for its address; over a limit answer 503, close, and return False."""
        limits = self._service.settings.limits
        block = None if counted is None else self._block(counted)
        limit = None
        if len(self._service.connections) + len(self._preambles) >= limits.connections:
            limit = "connections"
        elif block is not None and self._by_address[block] >= limits.connections_per_address:
            limit = "connections_per_address"
        if limit is not None:
            self._service.refuse_over_limit(limit, peer)
            _turn_away(sock, _OVERLOADED)
            return False
        if block is not None:
            self._by_address[block] += 1
        return True

    def _block(self, host: str) -> str:
        return address_block(host, self._service.settings.limits.ipv6_prefix_bits)

    def _give_up(
        self, sock: socket.socket, counted: str | None, peer: Address, error: Exception
    ) -> None:
        """Close a connection that could not be taken in, and forget it in the count."""
        logger.error(
            "connection not opened", exc_info=error, extra={"peer": f"{peer[0]}:{peer[1]}"}
        )
        if counted is not None:
            self._forget_address(counted)
        sock.close()

    def _forget_address(self, host: str) -> None:
        block = self._block(host)
        self._by_address[block] -= 1
        if self._by_address[block] <= 0:
            del self._by_address[block]


def _turn_away(sock: socket.socket, refusal: Refusal, came: bytes = b"") -> None:
    """Answer as far as the socket's empty buffer takes it, and close.

    `came` is what was read already; what has come since is read too: left unread it would turn
    the close into a reset that destroys the answer.
    """
    try:
        sock.setblocking(False)
        with suppress(BlockingIOError):
            came += sock.recv(_FIRST_BYTES)
        sock.send(farewell(refusal, came))
    except OSError:
        logger.debug("a peer that was turned away was gone before its answer")
    finally:
        sock.close()

"""The ports that the server listens on, and what happens to a peer that connects."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from typing import Protocol

from headwater.log_pace import paced_logger
from headwater.net.preamble import Greeting, Preamble
from headwater.net.settings import NetSections
from headwater.net.socket_address import Address, address_text
from headwater.net.socket_buffers import bound_unsent, set_send_buffer
from headwater.net.tcp_listener import PortListener
from headwater.net.tcp_stream import TcpStream
from headwater.net.tls_stream import TlsStream
from headwater.protocol.first_bytes import begins_http
from headwater.protocol.status import Status
from headwater.relay.relay import Relay
from headwater.server.connections.connection import Connection
from headwater.server.connections.connection_table import ConnectionTable
from headwater.server.connections.farewell import farewell
from headwater.server.refusal import Refusal
from headwater.server.served_methods import EITHER_SIDE, ServedPorts
from headwater.server.settings import ServerSettings
from headwater.side import Side

logger = paced_logger(__name__)

_OVERLOADED = Refusal(
    Status.SERVICE_UNAVAILABLE, "the server takes no more connections now", [("Retry-After", "5")]
)
_TLS_NEEDED = Refusal(Status.FORBIDDEN, "this port accepts only TLS; use rtsps://")
_FIRST_BYTES = 4096
_EVERY_ADDRESS = frozenset({"", "0.0.0.0", "::"})


TakeHttp = Callable[[socket.socket, Greeting], None]
"""Takes a connection over; it counts it, and refuses it, by itself."""


@dataclass(frozen=True, slots=True)
class _Port:
    """What one port is for."""

    sides: frozenset[Side]
    tls_only: bool


class _Door:
    """A port that is bound, and what it is for now."""

    listener: PortListener

    def __init__(self, port: _Port) -> None:
        self.port = port


class ListenerSettings(NetSections, Protocol):
    """The sections that the listeners read."""

    @property
    def server(self) -> ServerSettings:
        """The ports, and who comes through a proxy."""


@dataclass(slots=True)
class PortPlan:
    """The ports that some settings ask for, all of them bound, until `take` or `give_up`."""

    settings: ListenerSettings
    hosts: tuple[str, ...]
    ports: dict[Side, int] = field(default_factory=dict)
    doors: dict[int, tuple[_Door, _Port]] = field(default_factory=dict)
    opened: list[PortListener] = field(default_factory=list)

    def give_up(self) -> None:
        """Close what was bound for it; a second call does nothing."""
        for listener in self.opened:
            listener.close()
        self.opened.clear()


class Listeners:
    """One listener for both sides where the ports are equal, else one for each; one for TLS."""

    def __init__(
        self,
        relay: Relay,
        settings: ListenerSettings,
        connections: ConnectionTable,
        ports: ServedPorts,
        make_connection: Callable[[frozenset[Side], tuple[str, int], bool], Connection],
    ) -> None:
        """`ports` is filled. `make_connection` is given a peer's sides, address, and use of TLS."""
        self._relay = relay
        self._loop = relay.loop
        self._limits = relay.limits
        self._counters = relay.counters
        self._answer_budget = relay.answer_budget
        self._certificates = relay.certificates
        self._settings = settings
        self._connections = connections
        self._make_connection = make_connection
        self._ports = ports
        self._hosts: tuple[str, ...] = ()
        self._doors: dict[int, _Door] = {}
        self._preambles: set[Preamble] = set()
        self._proxies = settings.server.proxy_networks()
        self._shared_port: int | None = None
        self._take_http: TakeHttp | None = None

    def share(self, port: int, take: TakeHttp) -> None:
        """Give connections of HTTP that come by this port to somebody who speaks it."""
        self._shared_port, self._take_http = port, take

    def open(self, hosts: Sequence[str]) -> None:
        """Bind and accept on numeric hosts, `""` for every address.

        Raises OSError, with the port in its message, where one is taken.
        """
        plan = self.prepare(hosts, self._settings)
        try:
            self.take(plan)
        except BaseException:
            plan.give_up()
            raise

    def prepare(self, hosts: Sequence[str], settings: ListenerSettings) -> PortPlan:
        """Bind the ports that these settings need and that are not open yet.

        Nobody is accepted there before `take`, and the ports of now go on. Raises OSError, with
        the port in its message, where one is taken; then nothing is bound.
        """
        plan = PortPlan(settings, tuple(hosts))
        server = settings.server
        publish, play = self._numbers(server)
        try:
            if publish == play and server.publish_port == server.reader_port:
                plan.ports = dict.fromkeys(Side, self._bind(plan, publish, EITHER_SIDE))
            else:
                for side, number in ((Side.PUBLISH, publish), (Side.PLAY, play)):
                    plan.ports[side] = self._bind(plan, number, frozenset({side}))
            if server.rtsps_port:
                self._bind(plan, server.rtsps_port, EITHER_SIDE, tls_only=True)
        except BaseException:
            plan.give_up()
            raise
        return plan

    def take(self, plan: PortPlan) -> None:
        """Accept on the ports of a plan, then close those that it has not.

        Connections that are open stay, also those that came by a port that is closed.
        """
        self._settings = plan.settings
        self._hosts = plan.hosts
        self._proxies = plan.settings.server.proxy_networks()
        self._ports.update(plan.ports)
        before, self._doors = self._doors, {}
        for number, (door, port) in plan.doors.items():
            self._doors[number] = door
            if before.get(number) is door:
                del before[number]
            else:
                door.listener.start()
            door.port = port
            door.listener.set_backlog(plan.settings.server.backlog)
        for door in before.values():
            door.listener.finish()

    def adopt(
        self, sock: socket.socket, peer: Address, sides: frozenset[Side], data: bytes
    ) -> None:
        """Take in a connection that another process accepted, with what it read of it."""
        if not self._doors:
            _turn_away(sock, _OVERLOADED, data)
            return
        if not self._admit(sock, peer[0], peer[0]):
            return
        sock.setblocking(False)
        try:
            port = _Port(sides, tls_only=False)
            self._open_connection(port, sock, Greeting(peer, data, tls=False))
        except Exception as error:  # noqa: BLE001 - one peer's trouble, and nobody else's
            self._give_up(sock, peer[0], peer, error)

    def blocked(self, hosts: Sequence[str], server: ServerSettings) -> str:
        """Return why these hosts cannot be opened before the present ones close; empty if they can.

        The system gives one port to one socket on each address, and every address has all.
        """
        shared = self._doors.keys() & {*self._numbers(server), server.rtsps_port}
        if not shared or tuple(hosts) == self._hosts or not _overlap(hosts, self._hosts):
            return ""
        return (
            f"port {min(shared)} is open on an address that the other one overlaps, and the system "
            "opens no port twice on one address"
        )

    def close(self) -> None:
        """Accept no more; connections that are open stay, those that said nothing yet go."""
        for door in self._doors.values():
            door.listener.close()
        self._doors.clear()
        for preamble in self._preambles:
            preamble.close()
        self._preambles.clear()

    def _numbers(self, server: ServerSettings) -> tuple[int, int]:
        """Return the ports for publishers and readers; a 0 that stays keeps the port picked."""
        old, bound = self._settings.server, self._ports if self._doors else {}
        publish, play = server.publish_port, server.reader_port
        if publish == old.publish_port:
            publish = bound.get(Side.PUBLISH, publish)
        if server.reader_port == server.publish_port:
            play = publish
        elif play == old.reader_port:
            play = bound.get(Side.PLAY, play)
        return publish, play

    def _bind(
        self, plan: PortPlan, number: int, sides: frozenset[Side], *, tls_only: bool = False
    ) -> int:
        port = _Port(sides, tls_only or plan.settings.server.tls_only)
        door = self._doors.get(number) if plan.hosts == self._hosts else None
        if door is None:
            door = _Door(port)
            door.listener = self._relay.name_space.listener(
                self._loop,
                partial(self._accept, door),
                backlog=plan.settings.server.backlog,
                overload_answer=farewell(_OVERLOADED, b""),
            )
            plan.opened.append(door.listener)
            number = door.listener.bind(plan.hosts, number)
        plan.doors[number] = (door, port)
        return number

    def _accept(self, door: _Door, sock: socket.socket, peer: Address) -> None:
        port = door.port
        expects_proxy = bool(self._proxies) and self._is_proxy(peer)
        # A proxy's own address has no count: its clients have theirs, once they are known.
        counted = None if expects_proxy else peer[0]
        if not self._admit(sock, counted, peer[0]):
            return
        shares = self._take_http is not None and door.listener.port == self._shared_port
        try:
            if self._certificates.tls is None and not expects_proxy and not shares:
                self._open_connection(port, sock, Greeting(peer, b"", tls=False))
            else:
                self._await_first_bytes(
                    port, sock, peer, expects_proxy=expects_proxy, shares=shares
                )
        except Exception as error:  # noqa: BLE001 - one peer's trouble, and nobody else's
            self._give_up(sock, counted, peer, error)

    def _is_proxy(self, peer: Address) -> bool:
        address = ip_address(peer[0])
        return any(address in network for network in self._proxies)

    def _await_first_bytes(
        self,
        port: _Port,
        sock: socket.socket,
        peer: Address,
        *,
        expects_proxy: bool,
        shares: bool,
    ) -> None:
        preamble: Preamble

        def greeted(sock: socket.socket, greeting: Greeting) -> None:
            self._preambles.discard(preamble)
            counted = None if expects_proxy else peer[0]
            try:
                if greeting.http and self._take_http is not None:
                    if counted is not None:
                        self._connections.forget_address(counted)
                        counted = None
                    self._take_http(sock, greeting)
                    return
                if expects_proxy:
                    if not self._admit(sock, greeting.peer[0], greeting.peer[0]):
                        return
                    counted = greeting.peer[0]
                self._open_connection(port, sock, greeting)
            except Exception as error:  # noqa: BLE001 - one peer's trouble, and nobody else's
                self._give_up(sock, counted, greeting.peer, error)

        def failed(_peer: Address, cause: str) -> None:
            self._preambles.discard(preamble)
            if not expects_proxy:
                self._connections.forget_address(peer[0])
            self._counters.connections_closed_by_cause["preamble"] += 1
            logger.debug("connection ended early", extra={"peer": peer[0], "cause": cause})

        preamble = Preamble(
            sock,
            peer,
            self._loop,
            expects_proxy=expects_proxy,
            deadline_s=self._limits.settings.first_byte_timeout_s,
            on_greeting=greeted,
            on_failure=failed,
            begins_http=begins_http if shares else None,
        )
        self._preambles.add(preamble)

    def _open_connection(self, port: _Port, sock: socket.socket, greeting: Greeting) -> None:
        tls = self._certificates.tls
        if port.tls_only and not greeting.tls:
            self._connections.forget_address(greeting.peer[0])
            self._counters.connections_closed_by_cause["no TLS"] += 1
            logger.info(
                "connection without TLS refused",
                extra={"peer": address_text(greeting.peer), "cause": _TLS_NEEDED.reason},
            )
            _turn_away(sock, _TLS_NEEDED, greeting.initial_data)
            return
        peer = (greeting.peer[0], greeting.peer[1])
        sockets = self._settings.sockets
        context = tls.context if greeting.tls and tls is not None else None
        connection: Connection | None = None
        try:
            connection = self._make_connection(port.sides, peer, context is not None)
            if sockets.tcp_send_buffer_bytes:
                set_send_buffer(sock, sockets.tcp_send_buffer_bytes)
            if sockets.tcp_unsent_bytes:
                bound_unsent(sock, sockets.tcp_unsent_bytes)
            connection.attach(self._stream(sock, connection, greeting, context))
            self._connections.add(connection)
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
        sockets = self._settings.sockets
        if context is None:
            return TcpStream(
                sock,
                self._loop,
                connection,
                initial_data=greeting.initial_data,
                read_bytes=sockets.read_bytes,
                reads_per_wake=sockets.reads_per_wake,
                close_deadline_s=sockets.close_deadline_s,
                peer_address=greeting.peer,
                queued_total=self._answer_budget.queued,
                was_accepted=True,
            )
        return TlsStream(
            sock,
            self._loop,
            connection,
            context,
            initial_data=greeting.initial_data,
            handshake_deadline_s=self._settings.tls.handshake_deadline_s,
            read_bytes=sockets.read_bytes,
            reads_per_wake=sockets.reads_per_wake,
            close_deadline_s=sockets.close_deadline_s,
            peer_address=greeting.peer,
            queued_total=self._answer_budget.queued,
            was_accepted=True,
        )

    def _admit(self, sock: socket.socket, counted: str | None, peer: str) -> bool:
        """Count a connection for its address; over a limit answer 503, close, and return False."""
        limit = self._connections.admit(counted, waiting=len(self._preambles))
        if limit is None:
            return True
        self._limits.met(limit, peer)
        _turn_away(sock, _OVERLOADED)
        return False

    def _give_up(
        self, sock: socket.socket, counted: str | None, peer: Address, error: Exception
    ) -> None:
        """Close a connection that could not be taken in, and forget it in the count."""
        logger.error(
            "connection not opened", exc_info=error, extra={"peer": f"{peer[0]}:{peer[1]}"}
        )
        if counted is not None:
            self._connections.forget_address(counted)
        # Its stream may watch it already.
        self._loop.remove_reader(sock.fileno())
        sock.close()


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


def _overlap(hosts: Sequence[str], others: Sequence[str]) -> bool:
    return bool({*hosts, *others} & _EVERY_ADDRESS or set(hosts) & set(others))

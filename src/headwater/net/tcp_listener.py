"""Listen on TCP ports and hand over what connects, whatever the descriptor table holds."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from headwater.log_pace import paced_logger
from headwater.net.descriptor_reserve import NO_DESCRIPTOR, DescriptorReserve
from headwater.net.event_loop import EventLoop, Timer
from headwater.net.kernel_features import probe
from headwater.net.socket_address import Address, address_text, family_of, socket_address, unmapped
from headwater.net.tcp_options import INHERITED, set_tcp_options

_log = paced_logger(__name__)

_REST_S: Final = 0.2
_WARN_EVERY_S: Final = 1.0
_LOOK_S: Final = 1.0
_PORT_TRIES: Final = 16
_EVERY_HOST: Final = ("0.0.0.0", "::")


OnConnection = Callable[[socket.socket, Address], None]
"""Takes a new, non-blocking socket, which it owns, and the peer's address."""


class PortListener(Protocol):
    """One port on which connections come in, whoever accepts them."""

    @property
    def port(self) -> int:
        """The port, the same on every host; 0 before `bind`."""

    def bind(self, hosts: Sequence[str], port: int) -> int:
        """Have the port on numeric hosts, `""` meaning every address; return its number.

        Connections wait until `start`. Raises OSError naming host and port when it is taken.
        """

    def start(self) -> None:
        """Take connections from now on."""

    def set_backlog(self, backlog: int) -> None:
        """Change how many connections may wait in the kernel."""

    def finish(self) -> None:
        """Take what waits, then close: nobody who connected is reset."""

    def close(self) -> None:
        """Take no more; connections that were taken are not touched."""


class TcpListener:
    """Accepts connections on one port of one or more hosts.

    `on_connection` gets each new, non-blocking socket (it owns it) and the peer's address. When no
    descriptor is left, a descriptor kept in reserve lets waiting connections be answered with
    `overload_answer` and closed instead of hanging. One turn of the loop accepts no more than
    `accepts_per_wake`: each takes 30 µs and more, for which live packets wait. With
    `shares_port` other processes of the same user may listen on the same port, and the kernel gives
    each connection to one of them.
    """

    def __init__(
        self,
        loop: EventLoop,
        on_connection: OnConnection,
        *,
        backlog: int = 1_024,
        accepts_per_wake: int = 16,
        overload_answer: bytes = b"",
        shares_port: bool = False,
    ) -> None:
        self._loop = loop
        self._on_connection = on_connection
        self._backlog = backlog
        self._accepts_per_wake = accepts_per_wake
        self._overload_answer = overload_answer
        self._shares_port = shares_port
        self._sockets: list[socket.socket] = []
        self._accepting = False
        self._reserve = DescriptorReserve()
        self._rest: Timer | None = None
        self._warned_s = float("-inf")
        self._look: Timer | None = None
        self.accepted: int = 0
        """Connections handed over."""
        self.overloaded: int = 0
        """Connections turned away because no descriptor was left."""

    @property
    def port(self) -> int:
        """The bound port, the same on every host; 0 before `bind`."""
        return int(self._sockets[0].getsockname()[1]) if self._sockets else 0

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Every bound address."""
        return tuple([sock.getsockname() for sock in self._sockets])

    def bind(self, hosts: Sequence[str], port: int) -> int:
        """Listen on numeric hosts, `""` meaning every IPv4 and IPv6 address; return the port.

        Connections wait in the kernel until `start`. Port 0 picks a port that is free on all
        hosts. Raises ValueError for a host that is not numeric, OSError naming host and port when
        one cannot be bound.
        """
        numeric = spread(hosts)
        tries = _PORT_TRIES if port == 0 and len(numeric) > 1 else 1
        for left in reversed(range(tries)):
            try:
                self._sockets = _bind_all(
                    numeric, port, self._backlog, shares_port=self._shares_port
                )
            except OSError as error:
                # The port that was free on the first host may be taken on the next.
                if not left or error.errno != errno.EADDRINUSE:
                    raise
            else:
                break
        self._reserve.hold()
        return self.port

    def start(self) -> None:
        """Accept from now on; after `stop` again."""
        self._watch()

    def stop(self) -> None:
        """Accept no more for now; waiting connections stay in the kernel's queue."""
        self._accepting = False
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        for sock in self._sockets:
            self._loop.remove_reader(sock.fileno())

    def set_backlog(self, backlog: int) -> None:
        """Change how many connections may wait in the kernel."""
        self._backlog = backlog
        for sock in self._sockets:
            sock.listen(backlog)

    def finish(self) -> None:
        """Hand over what waits in the kernel's queue, then close: nobody who connected is reset."""
        for sock in self._sockets:
            before = -1
            while self._accepting and self.accepted != before:
                before = self.accepted
                self._accept(sock)
        self.close()

    def close(self) -> None:
        """Stop and close the listening sockets; accepted connections are not touched."""
        try:
            self.stop()
        finally:
            for sock in self._sockets:
                sock.close()
            self._sockets = []
            if self._look is not None:
                self._look.cancel()
                self._look = None
            self._reserve.release()

    # -- accepting

    def _watch(self) -> None:
        self._rest = None
        self._accepting = True
        for sock in self._sockets:
            self._loop.add_reader(sock.fileno(), self._accept, sock)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(self._accepts_per_wake):
            if not self._accepting:
                return
            try:
                sock, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._overloaded(listening, error)
                return
            sock.setblocking(False)
            self.accepted += 1
            try:
                self._on_connection(sock, unmapped(address))
            except Exception:  # noqa: BLE001 - one peer's fault is not the listener's
                _log.exception("New connection failed", extra={"peer": address_text(address)})
                sock.close()

    def _overloaded(self, listening: socket.socket, error: OSError) -> None:
        """Turn away what waits, or rest: the socket stays readable and would spin the loop."""
        turned_away = self._turn_away(listening) if error.errno in NO_DESCRIPTOR else 0
        self.overloaded += turned_away
        if self._look is None:
            self._look = self._loop.call_later(_LOOK_S, self._look_again)
        now = self._loop.time()
        if now - self._warned_s >= _WARN_EVERY_S:
            self._warned_s = now
            _log.warning(
                "Cannot accept connections; raise the limit of open files",
                extra={"cause": str(error), "turned_away": self.overloaded},
            )
        if not turned_away and self._accepting:
            self.stop()
            self._rest = self._loop.call_later(_REST_S, self._watch)

    def _look_again(self) -> None:
        """Log that connections can be accepted again, once a descriptor is free."""
        self._look = None
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            self._look = self._loop.call_later(_LOOK_S, self._look_again)
            return
        self._reserve.hold()
        _log.warning("Connections are accepted again", extra={"turned_away": self.overloaded})

    def _turn_away(self, listening: socket.socket) -> int:
        count = 0
        while count < self._accepts_per_wake and (sock := self._reserve.accept(listening)):
            count += 1
            with sock, contextlib.suppress(OSError):
                sock.setblocking(False)
                sock.send(self._overload_answer)
                # Unread bytes would turn the close into a reset that destroys the answer.
                sock.recv(65_536)
            self._reserve.hold()
        return count


def spread(hosts: Sequence[str]) -> list[str]:
    """Return numeric hosts, each once, `""` being every IPv4 and IPv6 address."""
    numeric: list[str] = []
    for host in hosts:
        if host:
            numeric.append(host)
        else:
            numeric.extend(h for h in _EVERY_HOST if family_of(h) == socket.AF_INET or probe().ipv6)
    return list(dict.fromkeys(numeric))


def _bind_all(
    hosts: Sequence[str], port: int, backlog: int, *, shares_port: bool
) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for host in hosts:
            sock = _listening(host, port, backlog, shares_port=shares_port)
            sockets.append(sock)
            port = sock.getsockname()[1]
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _listening(host: str, port: int, backlog: int, *, shares_port: bool) -> socket.socket:
    return bound_socket(host, port, shares_port=shares_port, will_listen=backlog)


def bound_socket(
    host: str, port: int, *, shares_port: bool, will_listen: int | None = None
) -> socket.socket:
    """Return a socket bound to a numeric host, which listens where `will_listen` is a backlog.

    Raises OSError naming host and port.
    """
    family = family_of(host)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if shares_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        _bind(sock, socket_address(host, port))
        if will_listen is not None:
            if INHERITED:
                set_tcp_options(sock)
            sock.listen(will_listen)
    except OSError as error:
        sock.close()
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        raise OSError(
            error.errno, f"cannot listen on {shown}:{port}: {error.strerror or error}"
        ) from error
    except BaseException:
        sock.close()
        raise
    return sock


def _bind(sock: socket.socket, address: Address) -> None:
    sock.setblocking(False)
    # Elsewhere a restarted server may bind at once; on Windows the option would let two share.
    if sys.platform != "win32":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sock.family == socket.AF_INET6:
        # A socket of its own for each family: IPv4 peers then have IPv4 addresses everywhere.
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(address)

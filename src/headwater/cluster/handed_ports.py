"""Ports of a worker whose connections another process accepts and hands to it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from headwater.net.socket_address import Address
from headwater.net.tcp_listener import OnConnection, PortListener


class HandedPorts:
    """The ports that a worker takes connections of, and who is given them.

    `tell` is told a port and whether its connections are wanted; whoever is told accepts them, and
    calls `give` with each.
    """

    def __init__(self, tell: Callable[[int, bool], None]) -> None:
        self._tell = tell
        self._listeners: dict[int, _HandedListener] = {}

    def listener(self, on_connection: OnConnection) -> PortListener:
        """Return what takes the connections of a port, which is not bound yet."""
        return _HandedListener(self, on_connection)

    def give(self, port: int, sock: socket.socket, peer: Address) -> None:
        """Take in a connection; it is closed where nobody here takes those of its port."""
        listener = self._listeners.get(port)
        if listener is None:
            sock.close()
            return
        sock.setblocking(False)
        listener.on_connection(sock, peer)

    def began(self, listener: _HandedListener) -> None:
        """Have the connections of a port, instead of whoever had them before."""
        self._listeners[listener.port] = listener
        self._tell(listener.port, True)

    def ended(self, listener: _HandedListener, *, takes_late_ones: bool) -> None:
        """Want no more connections, unless another listener has the port already."""
        if self._listeners.get(listener.port) is not listener:
            return
        if not takes_late_ones:
            del self._listeners[listener.port]
        self._tell(listener.port, False)


class _HandedListener:
    """One port, which this process does not listen on itself."""

    def __init__(self, ports: HandedPorts, on_connection: OnConnection) -> None:
        self.on_connection = on_connection
        self.port = 0
        self._ports = ports

    def bind(self, hosts: Sequence[str], port: int) -> int:  # noqa: ARG002 - bound elsewhere
        """Note the port, which the other process has bound before it told its number."""
        self.port = port
        return port

    def start(self) -> None:
        """Take connections from now on."""
        self._ports.began(self)

    def set_backlog(self, backlog: int) -> None:
        """Change nothing: the queue is the other process's."""

    def finish(self) -> None:
        """Take only connections that were accepted before the other process hears of this."""
        self._ports.ended(self, takes_late_ones=True)

    def close(self) -> None:
        """Take no more connections."""
        self._ports.ended(self, takes_late_ones=False)

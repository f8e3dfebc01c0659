"""TCP ports whose connections the supervisor accepts and hands to the workers in turn."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from headwater.net.event_loop import EventLoop
from headwater.net.socket_address import Address
from headwater.net.tcp_listener import TcpListener

Give = Callable[[str, int, socket.socket, Address], None]
"""Hands a connection to the worker of this name: port, socket and peer."""


class AcceptedPorts:
    """Ports on which this process listens for workers that take their connections.

    While no worker takes those of a port, they wait in the kernel's queue.
    """

    def __init__(self, loop: EventLoop, give: Give, *, backlog: int) -> None:
        self._loop = loop
        self._give = give
        self._backlog = backlog
        self._listeners: dict[int, TcpListener] = {}
        # By port: the workers that take its connections, the next one first.
        self._takers: dict[int, list[str]] = {}

    def hold(self, hosts: Sequence[str], port: int) -> int:
        """Bind a port on all hosts, 0 for any free one; returns it.

        Raises OSError naming host and port where another program listens there.
        """
        if port in self._listeners:
            return port
        listener = TcpListener(
            self._loop, lambda sock, peer: self._accept(port, sock, peer), backlog=self._backlog
        )
        port = listener.bind(hosts, port)
        self._listeners[port] = listener
        return port

    def takes(self, worker: str, port: int, *, takes: bool) -> None:
        """Note that a worker takes the connections of a port from now on, or no more."""
        takers = self._takers.setdefault(port, [])
        if takes and worker not in takers:
            takers.append(worker)
        elif not takes and worker in takers:
            takers.remove(worker)
        self._watch(port)

    def leave(self, worker: str) -> None:
        """Give nothing more to a worker that is gone."""
        for port in tuple(self._takers):
            self.takes(worker, port, takes=False)

    def keep(self, ports: Sequence[int]) -> None:
        """Close all ports but these; who waits on them is handed over before."""
        for port in self._listeners.keys() - set(ports):
            self._listeners.pop(port).finish()
            self._takers.pop(port, None)

    def release(self) -> None:
        """Close all ports; a second call does nothing."""
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()
        self._takers.clear()

    def _watch(self, port: int) -> None:
        listener = self._listeners.get(port)
        if listener is None:
            return
        if self._takers[port]:
            listener.start()
        else:
            listener.stop()

    def _accept(self, port: int, sock: socket.socket, peer: Address) -> None:
        takers = self._takers[port]
        worker = takers.pop(0)
        takers.append(worker)
        self._give(worker, port, sock, peer)

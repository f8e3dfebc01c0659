"""Waiting for the first datagram of a socket that nobody reads yet."""

from __future__ import annotations

import socket
from collections.abc import Callable

from headwater.net.event_loop import EventLoop


class Arrival:
    """Calls a function once, as soon as a datagram waits in a socket; it is left there."""

    def __init__(self, sock: socket.socket, loop: EventLoop, call: Callable[[], None]) -> None:
        self._sock = sock
        self._loop = loop
        self._call = call
        self._over = False
        loop.add_reader(sock.fileno(), self._on_readable)

    def close(self) -> None:
        """Wait no longer; a second call does nothing."""
        if not self._over:
            self._over = True
            self._loop.remove_reader(self._sock.fileno())

    def _on_readable(self) -> None:
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            # An ICMP error is no datagram. libuv, beneath uvloop, forgets a socket that has one.
            self._loop.remove_reader(self._sock.fileno())
            self._loop.add_reader(self._sock.fileno(), self._on_readable)
            return
        self.close()
        self._call()

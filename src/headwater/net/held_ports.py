"""TCP ports that several processes are to share, found free and kept for them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence

from headwater.net.tcp_listener import bound_socket, spread


class HeldPorts:
    """Ports that this process has bound and does not listen on, until `release`.

    Processes of the same user can listen there with `SO_REUSEPORT`; while one does, nobody else
    can. The system picks none of them for anybody else, and gives no connection to a socket that
    does not listen.
    """

    def __init__(self) -> None:
        self._sockets: dict[int, list[socket.socket]] = {}

    def hold(self, hosts: Sequence[str], port: int) -> int:
        """Hold a port on all hosts, 0 for any free one; returns it.

        Raises OSError naming host and port where another program, or another server that shares
        its own ports, listens there.
        """
        if port in self._sockets:
            return port
        sockets: list[socket.socket] = []
        try:
            for host in spread(hosts):
                # Without the option first: with it, the port of another server that shares its
                # ports would be had as well, and each would get a part of the connections.
                with contextlib.closing(bound_socket(host, port, shares_port=False)) as free:
                    port = int(free.getsockname()[1])
                sockets.append(bound_socket(host, port, shares_port=True))
        except BaseException:
            for sock in sockets:
                sock.close()
            raise
        self._sockets[port] = sockets
        return port

    def keep(self, ports: Sequence[int]) -> None:
        """Release all ports but these."""
        for port in self._sockets.keys() - set(ports):
            for sock in self._sockets.pop(port):
                sock.close()

    def release(self) -> None:
        """Release all ports; a second call does nothing."""
        self.keep(())

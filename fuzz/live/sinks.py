"""UDP ports that media may be sent to: nobody else's, and read by nobody."""

from __future__ import annotations

import socket
from contextlib import suppress

_PAIRS = 16


class Sinks:
    """Port pairs of the fuzz's own."""

    def __init__(self) -> None:
        self._sockets: dict[int, socket.socket] = {}

    def open(self) -> None:
        """Take pairs below the server's."""
        for port in range(20_000, 22_000, 2):
            pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
            try:
                for offset, sink in enumerate(pair):
                    sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
                    sink.bind(("127.0.0.1", port + offset))
                    sink.setblocking(False)
            except OSError:
                for sink in pair:
                    sink.close()
                continue
            self._sockets |= {port + offset: sink for offset, sink in enumerate(pair)}
            if len(self._sockets) == 2 * _PAIRS:
                return

    @property
    def rtp_ports(self) -> list[int]:
        """The first port of each pair."""
        return [port for port in self._sockets if port % 2 == 0]

    def send(self, source: int, packet: bytes, to: int) -> None:
        """Send a datagram to a port of the server's: from one of the pairs, or as a stranger."""
        sink = self._sockets.get(source) or next(iter(self._sockets.values()))
        with suppress(OSError):
            sink.sendto(packet, ("127.0.0.1", to))

    def close(self) -> None:
        """Give the ports back."""
        for sink in self._sockets.values():
            sink.close()

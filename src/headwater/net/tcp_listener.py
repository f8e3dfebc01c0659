"""Listen on TCP ports and hand over what connects, whatever the descriptor table holds."""

from __future__ import annotations

import socket
from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence

from headwater.net.socket_address import Address


class TcpListener:
    """Accepts connections on one port of one or more hosts.

    `on_connection` gets each new, non-blocking socket (it owns it) and the peer's address. When no
    descriptor is left, waiting connections are answered with `overload_answer` and closed instead
    of hanging.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        on_connection: Callable[[socket.socket, Address], None],
        *,
        backlog: int = 1_024,
        accepts_per_wake: int = 64,
        overload_answer: bytes = b"",
    ) -> None:
        self.accepted: int = 0
        self.overloaded: int = 0
        raise NotImplementedError

    @property
    def port(self) -> int:
        """The bound port, the same on every host; 0 before `bind`."""
        raise NotImplementedError

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Every bound address."""
        raise NotImplementedError

    def bind(self, hosts: Sequence[str], port: int) -> int:
        """Bind numeric hosts, `""` meaning every IPv4 and IPv6 address; return the bound port.

        Port 0 picks a port that is free on all hosts. Raises OSError naming host and port.
        """
        raise NotImplementedError

    def start(self) -> None:
        """Listen and accept from now on; after `stop` again."""
        raise NotImplementedError

    def stop(self) -> None:
        """Accept no more for now; waiting connections stay in the kernel's queue."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop and close the listening sockets; accepted connections are not touched."""
        raise NotImplementedError

"""The connections that are open, counted by address."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator

from headwater.log_pace import paced_logger
from headwater.net.socket_address import address_block
from headwater.relay.counters import ServerCounters
from headwater.relay.limits import Limits
from headwater.relay.memory_return import Turnover
from headwater.server.connections.connection import Connection

logger = paced_logger(__name__)


class ConnectionTable:
    """The open connections of one server; `all_gone` is set while there is none.

    A connection is counted for its address from when it is accepted, before it says anything.
    """

    def __init__(self, limits: Limits, counters: ServerCounters, turnover: Turnover) -> None:
        self._limits = limits
        self._counters = counters
        self._turnover = turnover
        self._connections: set[Connection] = set()
        self._by_address: Counter[str] = Counter()
        self.all_gone = asyncio.Event()
        self.all_gone.set()

    def forget_grants(self) -> None:
        """Ask anew what each connection may do, from its next request on."""
        for connection in self._connections:
            connection.forget_grants()

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._connections))

    def by_address(self, least: int) -> dict[str, int]:
        """Return how many there are of each address that has `least` or more."""
        return {block: count for block, count in self._by_address.items() if count >= least}

    def admit(self, host: str | None, waiting: int) -> str | None:
        """Count a connection for the address of its peer; over a limit return the limit's name.

        `host` is None for a proxy, whose clients are counted instead. `waiting` connections are
        accepted that have said nothing yet.
        """
        settings, others = self._limits.settings, self._limits.elsewhere
        block = None if host is None else self._block(host)
        if len(self._connections) + waiting + others.connections >= settings.connections:
            return "connections"
        if block is not None:
            known = self._by_address[block] + others.connections_of.get(block, 0)
            if known >= settings.connections_per_address:
                return "connections_per_address"
            self._by_address[block] += 1
        return None

    def forget_address(self, host: str) -> None:
        """Take back what `admit` counted for an address."""
        block = self._block(host)
        self._by_address[block] -= 1
        if self._by_address[block] <= 0:
            del self._by_address[block]

    def uncount(self, connection: Connection) -> None:
        """Take back what `admit` counted for the address of a connection; once."""
        if connection.address_block:
            self.forget_address(connection.peer_ip)

    def add(self, connection: Connection) -> None:
        """Take in a connection that has its stream."""
        self._connections.add(connection)
        if len(self._connections) == 1:
            self.all_gone.clear()
        self._counters.connections_opened += 1
        self._turnover.came += 1

    def remove(self, connection: Connection, error: Exception | None) -> None:
        """Forget a connection that is gone."""
        self._connections.discard(connection)
        self._turnover.went += 1
        self._counters.tcp_bytes_received += connection.stream.bytes_received
        self._counters.tcp_bytes_sent += connection.stream.bytes_sent
        if not self._connections:
            self.all_gone.set()
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(
                "connection closed",
                extra={"peer": connection.peer, "cause": str(error) if error else "closed"},
            )
        self.uncount(connection)

    def _block(self, host: str) -> str:
        return address_block(host, self._limits.settings.ipv6_prefix_bits)

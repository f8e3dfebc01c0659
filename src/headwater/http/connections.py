"""The connections of the web that are open: counted, and held to their deadlines."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from headwater.http.connection import HttpConnection
from headwater.log_pace import paced_logger
from headwater.net.socket_address import address_block
from headwater.relay.counters import Tally
from headwater.relay.limits import Limits

logger = paced_logger(__name__)


@dataclass(slots=True)
class HttpCounters:
    """What the web's door counted since the start."""

    connections_opened: int = 0
    requests: int = 0
    answers_by_status: dict[int, int] = field(default_factory=Tally)
    connections_closed_by_cause: dict[str, int] = field(default_factory=Tally)


class HttpConnections:
    """The open connections; `all_gone` is set while there is none.

    `limits.connections` and `connections_per_address` hold for RTSP and for the web, each by
    itself.
    """

    def __init__(self, limits: Limits, counters: HttpCounters) -> None:
        self._limits = limits
        self._counters = counters
        self._connections: set[HttpConnection] = set()
        self._by_address: Counter[str] = Counter()
        self.all_gone = asyncio.Event()
        self.all_gone.set()

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[HttpConnection]:
        return iter(tuple(self._connections))

    def admit(self, host: str, *, waiting: int) -> bool:
        """Count a connection for an address; over a limit log it and return False.

        `waiting` connections are accepted that have said nothing yet.
        """
        settings, block = self._limits.settings, self._block(host)
        if len(self._connections) + waiting >= settings.connections:
            limit = "connections"
        elif self._by_address[block] >= settings.connections_per_address:
            limit = "connections_per_address"
        else:
            self._by_address[block] += 1
            return True
        self._limits.met(limit, host)
        return False

    def forget_address(self, host: str) -> None:
        """Take back what `admit` counted."""
        block = self._block(host)
        self._by_address[block] -= 1
        if self._by_address[block] <= 0:
            del self._by_address[block]

    def add(self, connection: HttpConnection) -> None:
        """Take in a connection that has its stream."""
        self._connections.add(connection)
        self._counters.connections_opened += 1
        self.all_gone.clear()

    def remove(self, connection: HttpConnection) -> None:
        """Forget a connection that is gone."""
        self._connections.discard(connection)
        self._counters.requests += connection.requests
        self.forget_address(connection.peer[0])
        if not self._connections:
            self.all_gone.set()

    def enforce(self, now: float) -> None:
        """Close who keeps the server waiting; called about once a second."""
        for connection in self:
            if connection.stream.closed:
                continue
            cause = connection.overdue(now)
            if cause is None:
                continue
            self._counters.connections_closed_by_cause[cause] += 1
            logger.debug("connection overdue", extra={"peer": connection.peer_text, "cause": cause})
            if cause == "request_timeout_s":
                connection.turn_away("408 Request Timeout")
            elif cause == "idle_connection_timeout_s":
                connection.close()
            else:
                connection.abort()

    def _block(self, host: str) -> str:
        return address_block(host, self._limits.settings.ipv6_prefix_bits)

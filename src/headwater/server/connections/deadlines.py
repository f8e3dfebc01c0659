"""How long a connection may keep the server waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from headwater.media.mount import Mount
from headwater.media.readers.reader import Reader
from headwater.media.readers.slow_reader import longest_stall_s
from headwater.protocol.message import Response
from headwater.protocol.session_states import SessionState
from headwater.protocol.status import Status
from headwater.relay.counters import ServerCounters
from headwater.relay.limit_settings import LimitSettings
from headwater.relay.limits import Limits
from headwater.server.connections.connection import Connection
from headwater.server.sessions.session import ReaderSession
from headwater.transports.departures import Departures
from headwater.transports.settings import TransportKind


class Deadlines:
    """Closes the connections that keep the server waiting, counted by the deadline they missed."""

    def __init__(
        self,
        connections: Iterable[Connection],
        limits: Limits,
        departures: Departures,
        counters: ServerCounters,
        clock: Callable[[], float],
    ) -> None:
        self._connections = connections
        self._limits = limits
        self._departures = departures
        self._counters = counters
        self._clock = clock

    def enforce(self, now: float) -> None:
        """Look at every connection; called about once a second."""
        for connection in self._connections:
            if connection.stream.closed:
                # What still waits for its peer has a deadline of its own.
                continue
            connection.look_at_answers()
            if overdue(connection, self._limits.settings, now) is not None:
                self._departures.add(connection, partial(self._end, connection))
                continue
            for mount, reader in _stalled_readers(connection, now):
                mount.disconnect_slow_reader_soon(reader)

    def _end(self, connection: Connection) -> None:
        cause = overdue(connection, self._limits.settings, self._clock())
        if cause is None or connection.stream.closed:
            return
        self._counters.connections_closed_by_cause[cause] += 1
        if cause == "request_timeout_s":
            connection.send(Response(status=Status.REQUEST_TIMEOUT))
            connection.close()
        else:
            connection.abort()


def overdue(connection: Connection, limits: LimitSettings, now: float) -> str | None:
    """Return the setting of the deadline that a connection has missed; None if it missed none."""
    began_s = connection.message_began_s
    if _stalled_s(connection, now) > limits.write_stall_timeout_s and not any(_playing(connection)):
        return "write_stall_timeout_s"
    if connection.requests == 0 and connection.stream.bytes_received == 0:
        return (
            "first_byte_timeout_s"
            if now - connection.opened_s > limits.first_byte_timeout_s
            else None
        )
    if began_s is not None and now - began_s > limits.request_timeout_s:
        return "request_timeout_s"
    if (
        not connection.sessions
        and now - connection.last_request_s > limits.idle_connection_timeout_s
    ):
        return "idle_connection_timeout_s"
    return None


def _stalled_s(connection: Connection, now: float) -> float:
    """Return how long the oldest byte has waited for the peer, also if it takes a few at a time."""
    return connection.stream.oldest_queued_s(now)


def _playing(connection: Connection) -> Iterator[tuple[Mount, Reader]]:
    """Yield the readers that play on this connection; their mounts say how slow they may be."""
    for session in connection.sessions.values():
        if not isinstance(session, ReaderSession) or session.transport is not TransportKind.TCP:
            continue
        if session.mount is None or session.reader is None:
            continue
        if session.state is SessionState.PLAYING:
            yield session.mount, session.reader


def _stalled_readers(connection: Connection, now: float) -> Iterator[tuple[Mount, Reader]]:
    """Yield the readers that take too little: without packets their gates are not asked."""
    stalled_s = _stalled_s(connection, now)
    if not stalled_s:
        return
    for mount, reader in _playing(connection):
        most_s = longest_stall_s(mount.settings)
        if most_s is not None and stalled_s > most_s:
            yield mount, reader

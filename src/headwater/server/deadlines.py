"""How long a connection may keep the server waiting."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from headwater.media.settings import MountSettings, SlowReaderPolicy
from headwater.protocol.message import Response
from headwater.protocol.session_states import SessionState
from headwater.protocol.status import Status
from headwater.transports.settings import TransportKind

if TYPE_CHECKING:
    from headwater.media.mount import Mount
    from headwater.media.reader import Reader
    from headwater.server.connection import Connection
    from headwater.server.service import Service
    from headwater.server.settings import LimitSettings


def overdue(connection: Connection, limits: LimitSettings, now: float) -> str | None:
    """The deadline that a connection has missed, by the name of its setting; None if none."""
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


def enforce_deadlines(service: Service, now: float) -> None:
    """Close the connections that kept the server waiting, counted by the deadline they missed."""
    limits, endings = service.settings.limits, service.endings
    for connection in tuple(service.connections):
        if connection.stream.closed:
            # What still waits for its peer has a deadline of its own.
            continue
        connection.look_at_answers()
        if overdue(connection, limits, now) is not None:
            endings.add(connection, partial(_end, service, connection))
            continue
        for mount, reader in _stalled_readers(connection, now):
            endings.add(reader, partial(mount.disconnect_slow_reader, reader))


def _end(service: Service, connection: Connection) -> None:
    cause = overdue(connection, service.settings.limits, service.clock())
    if cause is None or connection.stream.closed:
        return
    service.counters.connections_closed_by_cause[cause] += 1
    if cause == "request_timeout_s":
        connection.send(Response(status=Status.REQUEST_TIMEOUT))
        connection.close()
    else:
        connection.abort()


def _stalled_s(connection: Connection, now: float) -> float:
    """How long the peer has kept its next byte waiting: also one that takes a little at a time."""
    return connection.stream.oldest_queued_s(now)


def _playing(connection: Connection) -> Iterator[tuple[Mount, Reader]]:
    """The readers that play on this connection: how slow they may be is for their mounts to say."""
    for session in connection.sessions.values():
        mount, reader = session.mount, session.reader
        if mount is None or reader is None or session.transport is not TransportKind.TCP:
            continue
        if session.state is SessionState.PLAYING:
            yield mount, reader


def _stalled_readers(connection: Connection, now: float) -> Iterator[tuple[Mount, Reader]]:
    """Those that took too little for too long: without packets no gate is asked about them."""
    stalled_s = _stalled_s(connection, now)
    if not stalled_s:
        return
    for mount, reader in _playing(connection):
        most_s = _longest_stall_s(mount.settings)
        if most_s is not None and stalled_s > most_s:
            yield mount, reader


def _longest_stall_s(settings: MountSettings) -> float | None:
    """How long anything may wait for a reader, in seconds; None for ever.

    By then its gate would have expired, had packets come for the gate to be asked about.
    """
    if settings.slow_reader_policy is SlowReaderPolicy.DISCONNECT:
        return settings.slow_reader_max_age_s
    if settings.slow_reader_disconnect_s <= 0:
        return None
    return settings.slow_reader_max_age_s + settings.slow_reader_disconnect_s

"""How long a connection may keep the server waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.protocol.message import Response
from headwater.protocol.status import Status

if TYPE_CHECKING:
    from headwater.server.connection import Connection
    from headwater.server.service import Service
    from headwater.server.settings import LimitSettings


def overdue(connection: Connection, limits: LimitSettings, now: float) -> str | None:
    """The deadline that a connection has missed, by the name of its setting; None if none."""
    began_s = connection.message_began_s
    stalled_s = connection.stream.writes_stalled_since
    if stalled_s is not None and now - stalled_s > limits.write_stall_timeout_s:
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
    limits = service.settings.limits
    for connection in tuple(service.connections):
        cause = overdue(connection, limits, now)
        if cause is None:
            continue
        service.counters.connections_closed_by_cause[cause] += 1
        if cause == "request_timeout_s":
            connection.send(Response(status=Status.REQUEST_TIMEOUT))
            connection.close()
        else:
            connection.abort()

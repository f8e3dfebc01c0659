"""Connections that go to another process, which has the mount that they ask for."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

from headwater.protocol.errors import ProtocolError
from headwater.protocol.message import Request
from headwater.protocol.method import Method
from headwater.protocol.rtsp_uri import RtspUri, mount_path
from headwater.server.connections.connection import Connection
from headwater.server.connections.connection_table import ConnectionTable

PlaceOf = Callable[[str], Awaitable[str | None]]
"""Names the process that takes connections for a path; None where they stay."""
Give = Callable[[str, socket.socket, Connection, bytes], None]
"""Gives a socket, and what was read of it, to the process of this name."""


class PassingOn:
    """Passes a reader's connection on before it has any state: sessions, rights, media.

    So it is done before a password is asked for, and with the first DESCRIBE: what was said before
    (OPTIONS) leaves nothing behind.
    """

    def __init__(self, connections: ConnectionTable, place_of: PlaceOf, give: Give) -> None:
        self._connections = connections
        self._place_of = place_of
        self._give = give

    async def pass_on(self, connection: Connection, request: Request) -> bool:
        """Give the connection away where another process has the mount; returns whether it is."""
        if request.method != Method.DESCRIBE or connection.secure or connection.sessions:
            return False
        try:
            path = mount_path(RtspUri.parse(request.uri))
        except ProtocolError:
            return False
        place = await self._place_of(path)
        if place is None or connection.closed:
            return False
        given = connection.give_away(request)
        if given is None:
            return False
        self._connections.remove(connection, None)
        self._give(place, given[0], connection, given[1])
        return True

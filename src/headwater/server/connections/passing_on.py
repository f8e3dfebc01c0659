"""Connections that go to another process, which has the mount that they ask for."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from headwater.protocol.errors import ProtocolError
from headwater.protocol.message import Request
from headwater.protocol.method import Method
from headwater.protocol.rtsp_uri import RtspUri, mount_path
from headwater.server.connections.connection import Connection
from headwater.server.connections.connection_table import ConnectionTable
from headwater.server.quirks import named_session_id
from headwater.side import Side

PlaceOf = Callable[[str, Side], Awaitable[str | None]]
"""Names the process that takes connections of a side for a path; None where they stay."""
HomeOf = Callable[[str], str | None]
"""Names the process that has a session of this id; None where it is this one's or nobody's."""
Give = Callable[[str, socket.socket, Connection, bytes], None]
"""Gives a socket, and what was read of it, to the process of this name."""


_SIDES: Final[Mapping[str, Side]] = {Method.DESCRIBE: Side.PLAY, Method.ANNOUNCE: Side.PUBLISH}
"""The requests that a connection is passed on with."""


class PassingOn:
    """Passes a connection on before it has any state: sessions, rights, media.

    So it is done before a password is asked for, and with the first DESCRIBE or ANNOUNCE: what was
    said before (OPTIONS) leaves nothing behind. A connection that begins with a session of another
    process goes there: RFC 2326 §12.37 ties no session to a connection.
    """

    def __init__(
        self, connections: ConnectionTable, home_of: HomeOf, place_of: PlaceOf, give: Give
    ) -> None:
        self._connections = connections
        self._home_of = home_of
        self._place_of = place_of
        self._give = give

    async def pass_on(self, connection: Connection, request: Request) -> bool:
        """Give the connection away where another process has the mount; returns whether it is."""
        if connection.secure or connection.sessions:
            return False
        place = self._home(request)
        if place is None and (side := _SIDES.get(request.method)) is not None:
            place = await self._place(request, side)
        if place is None or connection.closed:
            return False
        given = connection.give_away(request)
        if given is None:
            return False
        self._connections.remove(connection, None)
        self._give(place, given[0], connection, given[1])
        return True

    def _home(self, request: Request) -> str | None:
        try:
            session_id = named_session_id(request.headers.get("Session"))
        except ProtocolError:
            return None
        return None if session_id is None else self._home_of(session_id)

    async def _place(self, request: Request, side: Side) -> str | None:
        try:
            path = mount_path(RtspUri.parse(request.uri))
        except ProtocolError:
            return None
        return await self._place_of(path, side)

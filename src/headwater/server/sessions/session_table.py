"""The RTSP sessions among a relay's publishers and readers: opened here, judged here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from headwater.protocol.sdp import SessionDescription
from headwater.protocol.session_states import SessionState
from headwater.relay.end import EndIdentity, EndKind
from headwater.relay.relay import Relay, new_end_id
from headwater.server.sessions.session import PublisherSession, ReaderSession, Session
from headwater.server.sessions.silence import note_silence, silent_s
from headwater.server.settings import SessionSettings
from headwater.side import Side
from headwater.transports.session_media import SessionIdentity
from headwater.transports.settings import TransportKind

if TYPE_CHECKING:
    from headwater.server.connections.connection import Connection

_ORPHANED_PUBLISHER_S = 2.0
"""How long a UDP publisher whose connection is gone may send nothing before it counts as gone."""
_RETURNING_PUBLISHER_S = 0.2
"""The same where another publisher already waits for its place."""


class _Told:
    """What a session's media tells its table: bound methods take half of what partials would."""

    __slots__ = ("_relay", "_session")

    def __init__(self, relay: Relay, session: Session) -> None:
        self._relay = relay
        self._session = session

    def send_away(self, cause: str) -> None:
        """End the session."""
        self._relay.send_away(self._session, cause)

    def touch(self) -> None:
        """Note a sign of life."""
        self._session.touch(self._relay.clock())


class SessionTable:
    """The RTSP sessions of one server. `close` is the relay's: it ends every kind alike.

    `settings` may be changed at any time; a session keeps the time-out that it was told.
    """

    def __init__(self, relay: Relay, settings: SessionSettings) -> None:
        self._relay = relay
        self.settings = settings
        self._swept_s = relay.clock()
        self.close = relay.close

    def __iter__(self) -> Iterator[Session]:
        return (end for end in self._relay.ends if isinstance(end, Session))

    def get(self, session_id: str) -> Session | None:
        """Return the session with this id, if it lives."""
        end = self._relay.ends.get(session_id)
        return end if isinstance(end, Session) else None

    def open_publisher(
        self,
        connection: Connection,
        path: str,
        presentation: SessionDescription,
        made_up_id: str | None,
    ) -> PublisherSession:
        """Open the session of an ANNOUNCE. Raises LimitReached, ServerStopping."""
        session = PublisherSession(
            self._identity(connection, Side.PUBLISH, path),
            connection,
            self._relay.clock(),
            presentation=presentation,
            made_up_id=made_up_id,
        )
        self._open(session, connection)
        return session

    def open_reader(self, connection: Connection, path: str, query: str) -> ReaderSession:
        """Open the session of a reader's first SETUP. Raises LimitReached, ServerStopping."""
        identity = self._identity(connection, Side.PLAY, path)
        session = ReaderSession(identity, connection, self._relay.clock(), query=query)
        self._open(session, connection)
        return session

    def identity_of(self, session: Session, connection: Connection) -> SessionIdentity:
        """Return who a session is, for its publisher or reader."""
        told = _Told(self._relay, session)
        return SessionIdentity(
            id=session.id,
            peer=connection.peer,
            peer_ip=connection.peer_ip,
            address_block=connection.address_block,
            local_ip=connection.local_ip,
            user_agent=session.user_agent,
            on_close=told.send_away,
            on_life=told.touch,
            is_orphaned=session.is_orphaned,
        )

    def connection_lost(self, connection: Connection) -> None:
        """End the sessions whose media went with the connection; UDP ones may find a new one."""
        now = self._relay.clock()
        for session in tuple(connection.sessions.values()):
            session.connection = None
            if session.transport in {TransportKind.UDP, TransportKind.MULTICAST} and (
                session.state in {SessionState.PLAYING, SessionState.RECORDING}
            ):
                session.orphaned_s = now
                self._relay.reservations.note_change(session.path)
            else:
                self.close(session, "connection lost")
        connection.sessions.clear()

    def sweep(self, now: float) -> None:
        """End the sessions that gave no sign of life in time; called once a second."""
        elapsed_s, self._swept_s = now - self._swept_s, now
        departures = self._relay.departures
        for session in self:
            note_silence(session, elapsed_s, now)
            if session.state is SessionState.RECORDING:
                self._end_orphan(session, _ORPHANED_PUBLISHER_S)
            elif silent_s(session, now) > session.timeout_s:
                departures.add(session, partial(self._time_out, session))
            elif self._begins_too_late(session, now):
                departures.add(session, partial(self._give_up_setup, session))

    async def make_way(self, path: str) -> None:
        """End a publisher of the path whose connection is gone and whose packets have stopped.

        So one that comes back at once, after a crash, is not refused because of its own past:
        it waits, where need be, until the silence is long enough to tell.
        """
        mount = self._relay.mounts.get(path)
        if mount is None or mount.publisher is None:
            return
        session = self.get(mount.publisher.id)
        if session is None or session.orphaned_s is None:
            return
        if (left_s := _RETURNING_PUBLISHER_S - self._silent_s(session)) > 0:
            # A timer of asyncio may be early by one tick of the clock.
            await asyncio.sleep(left_s + 0.001)
        self._end_orphan(session, _RETURNING_PUBLISHER_S)

    def _identity(self, connection: Connection, side: Side, path: str) -> EndIdentity:
        self._relay.require_room(side, connection.address_block, connection.peer)
        if len(connection.sessions) >= self._relay.limits.settings.sessions_per_connection:
            raise self._relay.ends.limit_reached("sessions_per_connection", connection.peer)
        return EndIdentity(
            id=new_end_id() + self._relay.name_space.session_mark,
            kind=EndKind.RTSP if connection.node is None else EndKind.NODE,
            side=side,
            path=path,
            peer=connection.peer,
            peer_ip=connection.peer_ip,
            address_block=connection.address_block,
            username=connection.username,
            user_agent=connection.user_agent,
            secure=connection.secure,
        )

    def _open(self, session: Session, connection: Connection) -> None:
        session.timeout_s = self.settings.timeout_s
        session.advertised_timeout_s = self.settings.advertised_timeout_s
        session.grant = connection.ending_grant(session.side, session.path)
        connection.sessions[session.id] = session
        self._relay.open(session)

    def _begins_too_late(self, session: Session, now: float) -> bool:
        return not session.began and now - session.opened_s > self.settings.setup_timeout_s

    def _give_up_setup(self, session: Session) -> None:
        if not session.closed and self._begins_too_late(session, self._relay.clock()):
            self._relay.send_away(session, "neither RECORD nor PLAY in time")

    def _time_out(self, session: Session) -> None:
        silence_s = silent_s(session, self._relay.clock())
        if session.closed or silence_s <= session.timeout_s:
            return
        cause = "session timed out"
        try:
            if isinstance(session, ReaderSession) and session.state is SessionState.PLAYING:
                session.say_bye(cause)
        finally:
            self._relay.send_away(session, cause)

    def _silent_s(self, session: Session) -> float:
        """Return how long a session without connection has sent nothing; 0.0 for any other."""
        if session.orphaned_s is None or session.mount is None:
            return 0.0
        # A publisher's packets are its sign of life; the mount judges their absence.
        last_packet_s = max(session.orphaned_s, session.mount.last_packet_s)
        return self._relay.clock() - last_packet_s

    def _end_orphan(self, session: Session, silence_s: float) -> None:
        if self._silent_s(session) >= silence_s:
            self.close(session, "connection lost")

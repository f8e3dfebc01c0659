"""Every session: opened here, found here, ended here and nowhere else."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from headwater.log_pace import paced_logger
from headwater.protocol.session_states import SessionState
from headwater.protocol.status import Status
from headwater.server.refusal import Refusal
from headwater.server.role import Role
from headwater.server.session import Session
from headwater.server.silence import note_silence, silent_s
from headwater.transports.settings import TransportKind

if TYPE_CHECKING:
    from headwater.server.connection import Connection
    from headwater.server.service import Service
    from headwater.transports.session_publisher import SessionPublisher
    from headwater.transports.session_reader import SessionReader

logger = paced_logger(__name__)

_SESSION_ID_BYTES = 12
_ORPHANED_PUBLISHER_S = 2.0
"""How long a UDP publisher whose connection is gone may send nothing before it counts as gone."""
_RETURNING_PUBLISHER_S = 0.2
"""The same where another publisher already waits for its place."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _counted_cause(cause: str) -> str:
    """The cause without its details: a counter must not grow with what peers make up."""
    return _NUMBER.sub("N", cause.partition(":")[0])


class SessionTable:
    """The sessions of one server."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._by_id: dict[str, Session] = {}
        self._by_address: Counter[str] = Counter()
        self._publishers = 0
        self._readers = 0
        self._swept_s = service.clock()
        self.readers_gone = asyncio.Event()
        self.readers_gone.set()

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._by_id.values()))

    def get(self, session_id: str) -> Session | None:
        """The session with this id, if it lives."""
        return self._by_id.get(session_id)

    def open(self, connection: Connection, role: Role, path: str) -> Session:
        """Open a session; over a limit, or while the server stops, it is refused with 503."""
        if self._service.draining:
            raise Refusal(
                Status.SERVICE_UNAVAILABLE, "the server is stopping", [("Retry-After", "5")]
            )
        self._check_limits(connection, role)
        service = self._service
        # RFC 2326 §3.4 wants ids that cannot be guessed; letters and digits only, since a dash
        # makes some clients cut the id there.
        session = Session(
            secrets.token_hex(_SESSION_ID_BYTES), role, path, connection, service.clock()
        )
        self._by_address[session.address_block] += 1
        self._by_id[session.id] = session
        if role is Role.PUBLISH:
            self._publishers += 1
        else:
            self._readers += 1
        connection.sessions[session.id] = session
        service.counters.sessions_opened += 1
        try:
            if role is Role.PLAY:
                self.readers_gone.clear()
            service.notices.session_opened(session)
        except BaseException:
            self.close(session, "not opened")
            raise
        return session

    def close(self, session: Session, cause: str, *, by_server: bool = False) -> None:
        """End a session and free all it holds; a second call does nothing.

        `by_server`: the peer did not ask for it, so its connection is closed as well, once what
        waits on it has left, unless it has other sessions.
        """
        if session.closed:
            return
        session.closed = True
        # Taken now: the steps below let go of it.
        mount, connection = session.mount, session.connection
        steps: tuple[Callable[[], object], ...] = (
            lambda: self.stop_publishing(session, cause),
            lambda: self._leave_mount(session, cause),
            lambda: _release(session.reader),
            lambda: _release(session.publisher),
            lambda: self._service.reservations.give_back(session),
            lambda: self._service.descriptions.take_back(session),
            lambda: self._forget(session, cause),
            lambda: self._service.notices.session_closed(session, mount),
            lambda: self._let_go_of(connection, session, by_server=by_server),
            lambda: _unbind(session),
        )
        for step in steps:
            try:
                step()
            except Exception:
                # Whatever one step meets, the others still free what is theirs.
                logger.exception("a session's end failed in part", extra=_fields(session, cause))

    def stop_reading(self, session: Session) -> None:
        """Stop a reader's delivery; its transports stay."""
        if session.mount is not None and session.reader is not None:
            session.mount.stop_reader(session.reader)

    def stop_publishing(self, session: Session, cause: str) -> None:
        """Take the publisher off its mount, which then waits out its grace or closes."""
        publisher, mount = session.publisher, session.mount
        if publisher is None or mount is None:
            return
        publisher.stop()
        mount.publisher_left(publisher, cause)
        session.mount = None

    def connection_lost(self, connection: Connection) -> None:
        """End the sessions whose media went with the connection; UDP ones may find a new one."""
        now = self._service.clock()
        for session in tuple(connection.sessions.values()):
            session.connection = None
            if session.transport in {TransportKind.UDP, TransportKind.MULTICAST} and (
                session.state in {SessionState.PLAYING, SessionState.RECORDING}
            ):
                session.orphaned_s = now
            else:
                self.close(session, "connection lost")
        connection.sessions.clear()

    def sweep(self, now: float) -> None:
        """End the sessions that gave no sign of life in time."""
        elapsed_s, self._swept_s = now - self._swept_s, now
        timeout_s = self._service.settings.sessions.timeout_s
        for session in tuple(self._by_id.values()):
            note_silence(session, elapsed_s, now)
            if session.state is SessionState.RECORDING:
                self._end_orphan(session, _ORPHANED_PUBLISHER_S)
            elif silent_s(session, now) > timeout_s:
                self._service.endings.add(session, partial(self._time_out, session))
            elif self._begins_too_late(session, now):
                self._service.endings.add(session, partial(self._give_up_setup, session))

    def _begins_too_late(self, session: Session, now: float) -> bool:
        if session.began:
            return False
        return now - session.opened_s > self._service.settings.sessions.setup_timeout_s

    def _give_up_setup(self, session: Session) -> None:
        if not session.closed and self._begins_too_late(session, self._service.clock()):
            self.close(session, "neither RECORD nor PLAY in time", by_server=True)

    def _time_out(self, session: Session) -> None:
        now, timeout_s = self._service.clock(), self._service.settings.sessions.timeout_s
        if session.closed or silent_s(session, now) <= timeout_s:
            return
        cause = "session timed out"
        try:
            if session.reader is not None and session.state is SessionState.PLAYING:
                session.reader.say_bye(cause)
        finally:
            self.close(session, cause, by_server=True)

    @staticmethod
    def _leave_mount(session: Session, cause: str) -> None:
        if session.reader is not None and session.mount is not None:
            session.mount.remove_reader(session.reader, cause)

    def _forget(self, session: Session, cause: str) -> None:
        session.state = SessionState.INIT
        del self._by_id[session.id]
        if session.role is Role.PUBLISH:
            self._publishers -= 1
        else:
            self._readers -= 1
            if not self._readers:
                self.readers_gone.set()
        self._by_address[session.address_block] -= 1
        if self._by_address[session.address_block] <= 0:
            del self._by_address[session.address_block]
        self._service.counters.sessions_closed_by_cause[_counted_cause(cause)] += 1
        logger.debug("session closed", extra=_fields(session, cause))

    @staticmethod
    def _let_go_of(connection: Connection | None, session: Session, *, by_server: bool) -> None:
        if connection is not None:
            connection.sessions.pop(session.id, None)
            if by_server and not connection.sessions:
                connection.close()

    async def make_way(self, path: str) -> None:
        """End a publisher of the path whose connection is gone and whose packets have stopped.

        So one that comes back at once, after a crash, is not refused because of its own past:
        it waits, where need be, until the silence is long enough to tell.
        """
        mount = self._service.mounts.get(path)
        if mount is None or mount.publisher is None:
            return
        session = self._by_id.get(mount.publisher.id)
        if session is None or session.orphaned_s is None:
            return
        if (left_s := _RETURNING_PUBLISHER_S - self._silent_s(session)) > 0:
            # A timer of asyncio may be early by one tick of the clock.
            await asyncio.sleep(left_s + 0.001)
        self._end_orphan(session, _RETURNING_PUBLISHER_S)

    def _silent_s(self, session: Session) -> float:
        """How long a session whose connection is gone has sent nothing; 0.0 for any other."""
        if session.orphaned_s is None or session.mount is None:
            return 0.0
        # A publisher's packets are its sign of life; the mount judges their absence.
        last_packet_s = max(session.orphaned_s, session.mount.last_packet_s)
        return self._service.clock() - last_packet_s

    def _end_orphan(self, session: Session, silence_s: float) -> None:
        if self._silent_s(session) >= silence_s:
            self.close(session, "connection lost")

    def _check_limits(self, connection: Connection, role: Role) -> None:
        limits = self._service.settings.limits
        over = {
            "sessions": len(self._by_id) >= limits.sessions,
            "sessions_per_address": self._by_address[connection.address_block]
            >= limits.sessions_per_address,
            "sessions_per_connection": len(connection.sessions) >= limits.sessions_per_connection,
            "publishers": role is Role.PUBLISH and self._publishers >= limits.publishers,
        }
        for name, is_over in over.items():
            if is_over:
                self._service.refuse_over_limit(name, connection.peer)
                raise Refusal(
                    Status.SERVICE_UNAVAILABLE,
                    f"the limit {name} ({getattr(limits, name)}) is reached",
                    [("Retry-After", "5")],
                    logged=True,
                )


def _release(end: SessionPublisher | SessionReader | None) -> None:
    if end is not None:
        end.release()


def _unbind(session: Session) -> None:
    # Publisher and reader know their session: a crowd that leaves is freed at once without them.
    session.publisher = session.reader = None


def _fields(session: Session, cause: str) -> dict[str, str]:
    return {
        "mount": session.path,
        "session": session.id,
        "peer": session.peer,
        "role": session.role.value,
        "cause": cause,
    }

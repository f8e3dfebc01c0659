"""Which session a request means, and what of its mount."""

from __future__ import annotations

from collections.abc import Callable

from headwater.protocol.control import ControlTarget, resolve_control
from headwater.protocol.errors import ProtocolError
from headwater.protocol.status import Status
from headwater.server.exchange import Exchange
from headwater.server.quirks import named_session_id, only_session, session_of_made_up_id
from headwater.server.refusal import Refusal
from headwater.server.sessions.session import PublisherSession, ReaderSession, Session
from headwater.server.sessions.session_table import SessionTable


class SessionLookup:
    """Finds the sessions that requests name; whoever is found has given a sign of life."""

    def __init__(self, sessions: SessionTable, clock: Callable[[], float]) -> None:
        self._sessions = sessions
        self._clock = clock

    def named(self, exchange: Exchange) -> Session | None:
        """Return the session that the request's Session header names; None without the header.

        An id that is unknown, or that belongs to another address, gets 454 (RFC 2326 §11.3.5). A
        session that comes on a new connection moves to it: RFC 2326 §12.37 ties it to no
        connection.
        """
        connection = exchange.connection
        value = exchange.asked.get("session")
        if not value:
            return None
        # Most name a session of their own connection, by its id alone.
        session: Session | None = connection.sessions.get(value)
        if session is not None:
            return session
        session_id = named_session_id(value)
        if session_id is None:
            return None
        session = self._find(exchange, session_id)
        if session is None or session.peer_ip != connection.peer_ip:
            raise Refusal(
                Status.SESSION_NOT_FOUND,
                "there is no such session; ANNOUNCE or SETUP without the Session header opens one",
            )
        # What came on the session's own connection has touched it already.
        if session.connection is not connection:
            _move(session, exchange)
            session.touch(self._clock())
            session.orphaned_s = None
        return session

    def made_up_id(self, exchange: Exchange) -> str | None:
        """Return the id in the request's header where it names no session of anybody; else None."""
        session_id = _session_id(exchange)
        return None if session_id is None or self._find(exchange, session_id) else session_id

    def required(self, exchange: Exchange) -> Session:
        """Return the session that a request needs: the named one, or the connection's only one."""
        session = self.named(exchange)
        if session is None:
            session = only_session(exchange.connection.sessions.values())
            if session is None:
                raise Refusal(
                    Status.SESSION_NOT_FOUND,
                    f"{exchange.request.method} needs the Session header of its SETUP",
                )
        return session

    def required_publisher(self, exchange: Exchange) -> PublisherSession:
        """Return the publisher's session that a request needs."""
        session = self.required(exchange)
        if not isinstance(session, PublisherSession):
            raise _of_other_side(session)
        return session

    def required_reader(self, exchange: Exchange) -> ReaderSession:
        """Return the reader's session that a request needs."""
        session = self.required(exchange)
        if not isinstance(session, ReaderSession):
            raise _of_other_side(session)
        return session

    def touch_named(self, exchange: Exchange) -> None:
        """Count a request as a sign of life of the session it names, if there is one."""
        if "session" not in exchange.asked:
            return
        try:
            session_id = _session_id(exchange)
        except ProtocolError:
            # OPTIONS and DESCRIBE need no session: one that cannot be read is none.
            return
        session = None if session_id is None else self._find(exchange, session_id)
        if session is not None and session.peer_ip == exchange.connection.peer_ip:
            session.touch(self._clock())

    def header(self, session: Session) -> tuple[str, str]:
        """Return the Session header of an answer."""
        # RFC 2326 §12.37: the server tells the time-out behind the id.
        return ("Session", f"{session.id};timeout={session.advertised_timeout_s}")

    def _find(self, exchange: Exchange, session_id: str) -> Session | None:
        own = exchange.connection.sessions.values()
        return self._sessions.get(session_id) or session_of_made_up_id(own, session_id)


def require_alive(session: Session | None) -> None:
    """Refuse with 454 what waited for a hook or another process while its session ended."""
    if session is not None and session.closed:
        raise Refusal(Status.SESSION_NOT_FOUND, "the session ended while this was being checked")


def require_mount(session: Session, path: str) -> None:
    """Refuse what is about another mount than the session's, with 459."""
    if path != session.path:
        raise Refusal(
            Status.AGGREGATE_OPERATION_NOT_ALLOWED,
            f"this session belongs to the mount {session.path}, not {path}",
        )


def target_in(exchange: Exchange, session: Session) -> ControlTarget:
    """Return what the request's URL names of the session's mount: all of it, or one track.

    A track that the reader has not set up is refused with 404. `*` is the whole of it: the Session
    header says which.
    """
    if exchange.request.uri == "*":
        return ControlTarget(session.path, "", None)
    target = resolve_control(exchange.request.uri, controls=session.controls, mount=session.path)
    require_mount(session, target.path)
    is_known = target.track is None or target.track in session.tracks
    if isinstance(session, ReaderSession) and not is_known:
        raise Refusal(Status.NOT_FOUND, f"track {target.track} is not set up in this session")
    return target


def require_aggregate(exchange: Exchange, session: Session) -> ControlTarget:
    """Return what the URL names; one of several tracks is refused (RFC 2326 §11.3.11)."""
    target = target_in(exchange, session)
    if target.track is not None and len(session.tracks) > 1:
        raise Refusal(
            Status.ONLY_AGGREGATE_OPERATION_ALLOWED,
            f"{exchange.request.method} takes the URL of the whole mount",
        )
    return target


def _session_id(exchange: Exchange) -> str | None:
    value = exchange.asked.get("session")
    return named_session_id(value) if value else None


def _of_other_side(session: Session) -> Refusal:
    return Refusal(Status.METHOD_NOT_VALID_IN_THIS_STATE, f"this session can only {session.side}")


def _move(session: Session, exchange: Exchange) -> None:
    connection = exchange.connection
    if session.connection is not None:
        if session.transport is not None and session.transport.is_interleaved:
            raise Refusal(
                Status.SESSION_NOT_FOUND, "this session's media runs on another connection"
            )
        session.connection.sessions.pop(session.id, None)
    session.connection = connection
    connection.sessions[session.id] = session

"""TEARDOWN (RFC 2326 §10.7): the end of a session, or of one of a reader's tracks."""

from __future__ import annotations

from headwater.server.exchange import Exchange
from headwater.server.sessions.lookup import SessionLookup, target_in
from headwater.server.sessions.session import ReaderSession, Session
from headwater.server.sessions.session_table import SessionTable


class Teardown:
    """Answers TEARDOWN."""

    def __init__(self, lookup: SessionLookup, sessions: SessionTable) -> None:
        self._lookup = lookup
        self._sessions = sessions

    async def answer(self, exchange: Exchange) -> bytes:
        """End the session; a reader that names one of several tracks loses that track only."""
        session = self._lookup.required(exchange)
        track = target_in(exchange, session).track
        if track is not None and _lose_track(session, track):
            return exchange.answer([self._lookup.header(session)])
        self._sessions.close(session, "teardown")
        return exchange.answer()


def _lose_track(session: Session, track: int) -> bool:
    """Take one of several tracks from a reader; False where that is the end of the session."""
    if not isinstance(session, ReaderSession) or session.reader is None:
        return False
    reader, mount = session.reader, session.mount
    if track not in reader.track_indexes or len(reader.track_indexes) < 2:
        return False
    if mount is not None:
        mount.stop_reader(reader, [track])
    reader.remove_track(track)
    return True

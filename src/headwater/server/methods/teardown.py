"""TEARDOWN (RFC 2326 §10.7): the end of a session, or of one of a reader's tracks."""

from __future__ import annotations

from headwater.protocol.message import Response
from headwater.server.exchange import Exchange
from headwater.server.session_lookup import required_session, session_header, target_in


async def answer(exchange: Exchange) -> Response:
    """End the session; a reader that names one of several tracks loses that track only."""
    session = required_session(exchange)
    track = target_in(exchange, session).track
    reader = session.reader
    indexes = () if reader is None else reader.track_indexes
    if reader is not None and track is not None and track in indexes and len(indexes) > 1:
        if session.mount is not None:
            session.mount.stop_reader(reader, [track])
        reader.remove_track(track)
        return exchange.answer([session_header(exchange, session)])
    exchange.service.sessions.close(session, "teardown")
    return exchange.answer()

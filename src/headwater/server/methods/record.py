"""RECORD (RFC 2326 §10.11): the publisher's packets begin."""

from __future__ import annotations

from headwater.protocol.header.range import is_open_ended
from headwater.protocol.message import Response
from headwater.protocol.method import Method
from headwater.protocol.session_states import SessionState
from headwater.protocol.status import Status
from headwater.server.exchange import Exchange
from headwater.server.refusal import Refusal
from headwater.server.role import Role
from headwater.server.session_lookup import required_session, session_header, state_after


async def answer(exchange: Exchange) -> Response:
    """Open the mount (or take it over after a grace) and let the session's packets in."""
    service = exchange.service
    session = required_session(exchange, Role.PUBLISH)
    state = state_after(session, Method.RECORD)
    headers = [session_header(exchange, session)]
    if session.state is SessionState.RECORDING:
        return exchange.answer(headers)
    presentation, publisher = session.presentation, session.publisher
    if presentation is None or publisher is None:
        raise Refusal(Status.METHOD_NOT_VALID_IN_THIS_STATE, "RECORD comes after ANNOUNCE, SETUP")
    missing = sorted(set(range(len(presentation.media))) - set(publisher.track_indexes))
    if missing:
        raise Refusal(
            Status.METHOD_NOT_VALID_IN_THIS_STATE,
            f"set up every announced track first; missing: {', '.join(map(str, missing))}",
        )
    range_text = exchange.request.headers.get("Range")
    # The range of a file is no reader's: what is live has no end.
    live = range_text if range_text and is_open_ended(range_text) else None
    mount = service.mounts.open(session.path, presentation, publisher, live)
    session.mount = mount
    try:
        service.reservations.give_back(session)
        if range_text:
            headers.append(("Range", range_text))
        response = exchange.answer(headers)
    except Exception:
        service.sessions.stop_publishing(session, "record failed")
        raise
    session.state = state
    session.began = True
    exchange.after_answer = lambda: publisher.start(mount.tracks)
    return response

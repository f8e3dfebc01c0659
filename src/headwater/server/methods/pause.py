"""PAUSE (RFC 2326 §10.6): media stops, the session and its transports stay."""

from __future__ import annotations

from headwater.protocol.message import Response
from headwater.protocol.method import Method
from headwater.protocol.session_states import SessionState
from headwater.server.exchange import Exchange
from headwater.server.role import Role
from headwater.server.session_lookup import (
    require_aggregate,
    required_session,
    session_header,
    state_after,
)

_RUNNING = frozenset({SessionState.PLAYING, SessionState.RECORDING})


async def answer(exchange: Exchange) -> Response:
    """Stop a reader's delivery; a publisher's mount waits out its grace."""
    sessions = exchange.service.sessions
    session = required_session(exchange)
    require_aggregate(exchange, session)
    state = state_after(session, Method.PAUSE)
    if session.state in _RUNNING:
        if session.role is Role.PLAY:
            sessions.stop_reading(session)
        else:
            sessions.stop_publishing(session, "publisher paused")
        session.state = state
    return exchange.answer([session_header(exchange, session)])

"""PAUSE (RFC 2326 §10.6): media stops, the session and its transports stay."""

from __future__ import annotations

from headwater.protocol.method import Method
from headwater.protocol.session_states import SessionState
from headwater.server.exchange import Exchange
from headwater.server.sessions.lookup import SessionLookup, require_aggregate

_RUNNING = frozenset({SessionState.PLAYING, SessionState.RECORDING})


class Pause:
    """Answers PAUSE."""

    def __init__(self, lookup: SessionLookup) -> None:
        self._lookup = lookup

    async def answer(self, exchange: Exchange) -> bytes:
        """Stop a reader's delivery; a publisher's mount waits out its grace."""
        session = self._lookup.required(exchange)
        require_aggregate(exchange, session)
        session.state_after(Method.PAUSE)
        if session.state in _RUNNING:
            session.pause()
            session.advance(Method.PAUSE)
        return exchange.answer([self._lookup.header(session)])

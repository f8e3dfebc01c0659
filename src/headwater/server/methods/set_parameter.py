"""SET_PARAMETER (RFC 2326 §10.9): there is nothing to set; some players ping with it."""

from __future__ import annotations

from headwater.protocol.message import Response
from headwater.protocol.status import Status
from headwater.server.exchange import Exchange
from headwater.server.session_lookup import named_session, session_header


async def answer(exchange: Exchange) -> Response:
    """An empty body is a ping: 200. No parameter can be set: 451."""
    session = named_session(exchange)
    headers = [] if session is None else [session_header(exchange, session)]
    if exchange.request.body.strip():
        # RFC 2326 §11.3.2: 451 lists what was not understood.
        return exchange.answer(
            [*headers, ("Content-Type", "text/parameters")],
            body=exchange.request.body,
            status=Status.PARAMETER_NOT_UNDERSTOOD,
        )
    return exchange.answer(headers)

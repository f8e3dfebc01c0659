"""OPTIONS (RFC 2326 §10.1): what this port serves; never asks for credentials."""

from __future__ import annotations

from headwater.protocol.message import Response
from headwater.server.exchange import Exchange
from headwater.server.role import methods_of
from headwater.server.session_lookup import touch_named_session


async def answer(exchange: Exchange) -> Response:
    """List the port's methods; a session named in the request counts it as a sign of life."""
    touch_named_session(exchange)
    return exchange.answer([("Public", ", ".join(methods_of(exchange.connection.roles)))])

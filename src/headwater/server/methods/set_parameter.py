"""SET_PARAMETER (RFC 2326 §10.9): there is nothing to set; some players ping with it."""

from __future__ import annotations

from headwater.protocol.message import Response
from headwater.server.exchange import Exchange
from headwater.server.methods import get_parameter


async def answer(exchange: Exchange) -> Response:
    """As GET_PARAMETER: an empty body is a ping, and no parameter is known (451)."""
    return await get_parameter.answer(exchange)

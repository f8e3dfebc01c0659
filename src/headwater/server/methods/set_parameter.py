"""SET_PARAMETER (RFC 2326 §10.9): there is nothing to set; some players ping with it."""

from __future__ import annotations

from headwater.protocol.message import Response
from headwater.protocol.method import Method
from headwater.server.exchange import Exchange
from headwater.server.methods.get_parameter import answer_about_parameters


async def answer(exchange: Exchange) -> Response:
    """An empty body is a sign of life: 200. A parameter that is to be set is not known: 451."""
    return answer_about_parameters(exchange, Method.SET_PARAMETER)

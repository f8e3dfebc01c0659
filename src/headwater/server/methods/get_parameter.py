"""GET_PARAMETER (RFC 2326 §10.8): in practice, the keep-alive of most players."""

from __future__ import annotations

from headwater.protocol.message import Response
from headwater.protocol.method import Method
from headwater.protocol.status import Status
from headwater.server.exchange import Exchange
from headwater.server.quirks import understood_parameters
from headwater.server.session_lookup import named_session, session_header


async def answer(exchange: Exchange) -> Response:
    """A sign of life: 200 without a value, whatever is asked for."""
    return answer_about_parameters(exchange, Method.GET_PARAMETER)


def answer_about_parameters(exchange: Exchange, method: Method) -> Response:
    """The answer to a request about parameters, none of which this server has."""
    session = named_session(exchange)
    headers = [] if session is None else [session_header(exchange, session)]
    body = exchange.request.body
    if understood_parameters(method, body):
        return exchange.answer(headers)
    # RFC 2326 §11.3.2: 451 lists what was not understood.
    return exchange.answer(
        [*headers, ("Content-Type", "text/parameters")],
        body=body,
        status=Status.PARAMETER_NOT_UNDERSTOOD,
    )

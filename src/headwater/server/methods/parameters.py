"""GET_PARAMETER and SET_PARAMETER (RFC 2326 §10.8, §10.9): the keep-alive of most players."""

from __future__ import annotations

from headwater.protocol.method import Method
from headwater.protocol.status import Status
from headwater.server.exchange import Exchange
from headwater.server.quirks import understood_parameters
from headwater.server.sessions.lookup import SessionLookup


class Parameters:
    """Answers requests about parameters, none of which this server has."""

    def __init__(self, lookup: SessionLookup) -> None:
        self._lookup = lookup

    async def answer_get(self, exchange: Exchange) -> bytes:
        """Take the request as a sign of life: the answer is 200 without a value."""
        return self._answer(exchange, Method.GET_PARAMETER)

    async def answer_set(self, exchange: Exchange) -> bytes:
        """Take an empty body as a sign of life, 200; no parameter can be set, 451."""
        return self._answer(exchange, Method.SET_PARAMETER)

    def _answer(self, exchange: Exchange, method: Method) -> bytes:
        session = self._lookup.named(exchange)
        headers = [] if session is None else [self._lookup.header(session)]
        body = exchange.request.body
        if understood_parameters(method, body):
            return exchange.answer(headers)
        # RFC 2326 §11.3.2: 451 lists what was not understood.
        return exchange.answer(
            [*headers, ("Content-Type", "text/parameters")],
            body=body,
            status=Status.PARAMETER_NOT_UNDERSTOOD,
        )

"""OPTIONS (RFC 2326 §10.1): what this port serves; never asks for credentials."""

from __future__ import annotations

from headwater.server.exchange import Exchange
from headwater.server.served_methods import methods_of
from headwater.server.sessions.lookup import SessionLookup


class Options:
    """Answers OPTIONS."""

    def __init__(self, lookup: SessionLookup) -> None:
        self._lookup = lookup

    async def answer(self, exchange: Exchange) -> bytes:
        """List the port's methods; it is a sign of life of a session that the request names."""
        self._lookup.touch_named(exchange)
        return exchange.answer([("Public", ", ".join(methods_of(exchange.connection.sides)))])

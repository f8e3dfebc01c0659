"""Routes whose addresses begin alike: all others pass them by with one look."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

_CHOSEN: Final = "headwater.route"


class RouteGroup(BaseRoute):
    """Routes that stand together where one would, in their order.

    A router asks each of its routes in turn, with a regular expression for each: for the address
    of a mount that took more than all else of a request.
    """

    def __init__(self, prefix: str, routes: Iterable[BaseRoute]) -> None:
        """`prefix` is what the paths of all of the routes begin with."""
        self._prefix = prefix
        self._routes = tuple(routes)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return how far one of the routes fits: the first that does, or the first by its path."""
        partial: tuple[Match, Scope] = Match.NONE, {}
        if not scope["path"].startswith(self._prefix):
            return partial
        for route in self._routes:
            match, told = route.matches(scope)
            if match is Match.FULL:
                return match, {**told, _CHOSEN: route}
            if match is Match.PARTIAL and partial[0] is Match.NONE:
                partial = match, {**told, _CHOSEN: route}
        return partial

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the route that fits answer."""
        await scope[_CHOSEN].handle(scope, receive, send)

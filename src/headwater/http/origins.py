"""Whether a page of another site may use the server (CORS), and what its browser is told."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders

from headwater.http.settings import ANY_ORIGIN

_EXPOSED = "Accept-Patch, Accept-Post, ETag, Link, Location, Retry-After, WWW-Authenticate"
_METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
_HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID"
_REMEMBERED_S = "600"


class Origins:
    """The origins that may use the server beside its own."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = frozenset(allowed)

    def is_foreign(self, headers: Headers) -> bool:
        """Return whether a page of a site that may not do so makes this request."""
        origin = headers.get("Origin")
        return origin is not None and not (
            is_own(origin, headers) or ANY_ORIGIN in self.allowed or origin in self.allowed
        )

    def tell(self, headers: Headers, answer: MutableHeaders, *, preflight: bool) -> None:
        """Add to an answer what lets the browser hand it to the page that asked."""
        origin = headers.get("Origin")
        if origin is None or is_own(origin, headers) or self.is_foreign(headers):
            return
        answer["Access-Control-Allow-Origin"] = ANY_ORIGIN if ANY_ORIGIN in self.allowed else origin
        answer.add_vary_header("Origin")
        if preflight:
            answer["Access-Control-Allow-Methods"] = _METHODS
            answer["Access-Control-Allow-Headers"] = _HEADERS
            answer["Access-Control-Max-Age"] = _REMEMBERED_S
        else:
            answer["Access-Control-Expose-Headers"] = _EXPOSED


def is_own(origin: str, headers: Headers) -> bool:
    """Return whether an origin is this server, as the request names it."""
    # A proxy in front may speak TLS where we do not, so the schemes can differ.
    try:
        return urlsplit(origin).netloc == headers.get("Host", "")
    except ValueError:
        return False

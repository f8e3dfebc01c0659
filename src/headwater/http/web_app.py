"""The ASGI application behind the door: what holds for every request, then the routes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Router
from starlette.types import Message, Receive, Scope, Send

from headwater.http.connections import HttpCounters
from headwater.http.logins import CSRF_HEADER, Logins, login_of
from headwater.http.origins import Origins
from headwater.http.refusal import HttpRefusal, is_unexpected, problem, refusal_of
from headwater.http.request import connection_of, has_body, target_of
from headwater.http.settings import HttpSettings
from headwater.log_pace import paced_logger
from headwater.relay.limits import Limits

logger = paced_logger(__name__)

_CHANGES_NOTHING = frozenset({"GET", "HEAD", "OPTIONS"})
STOPPING = HttpRefusal(
    503,
    "the server stops",
    code="stopping",
    headers=[("Connection", "close"), ("Retry-After", "5")],
)
_POLICY = "default-src 'none'; frame-ancestors 'none'"
ALWAYS = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    # Addresses may hold tokens.
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
"""Headers of every answer that does not set them itself."""


class WebApp:
    """Routes requests to rooms; what a room raises becomes an answer here."""

    def __init__(
        self,
        settings: HttpSettings,
        limits: Limits,
        counters: HttpCounters,
        server_name: str,
        logins: Logins,
    ) -> None:
        self._limits = limits
        self._counters = counters
        self._logins = logins
        last = Router(redirect_slashes=False, default=_nothing_here)
        self._last_routes = last.routes
        self._router = Router(redirect_slashes=False, default=last)
        self.server_name = server_name
        self.go_by(settings)

    def go_by(self, settings: HttpSettings) -> None:
        """Go by these settings from the next request on."""
        self._settings = settings
        self._origins = Origins(settings.allowed_origins)
        self._logins.idle_s = settings.login_idle_s

    def add(self, routes: Iterable[BaseRoute]) -> None:
        """Serve further routes; earlier ones go before later ones."""
        self._router.routes.extend(routes)

    def add_last(self, routes: Iterable[BaseRoute]) -> None:
        """Serve routes that all others go before, whenever those are added."""
        self._last_routes.extend(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or WebSocket."""
        request = HTTPConnection(scope)
        # Starlette raises what it refuses where this is set.
        scope["app"] = self
        answer = _Answer(send, partial(self._complete, request), self._counters)
        try:
            response = self._before_routes(request)
            if response is None:
                await self._router(scope, receive, answer.send)
            else:
                await response(scope, receive, answer.send)
        except asyncio.CancelledError:
            # The door closes. uvicorn would log that as a fault of ours.
            if scope["type"] == "http" and not answer.started:
                await problem(STOPPING)(scope, receive, answer.send)
            elif scope["type"] == "http" and not answer.ended:
                connection_of(request).abort()
            elif not answer.started:
                raise
        except Exception as error:  # noqa: BLE001 - one request's trouble; told below
            await self._refuse(request, error, receive, answer)

    def _before_routes(self, request: HTTPConnection) -> Response | None:
        """Return the answer to what reaches no route; raise HttpRefusal for what none may get."""
        self._check_head(request)
        scheme = request.url.scheme
        if self._settings.tls_only and scheme in {"http", "ws"}:
            if request.scope.get("method") not in {"GET", "HEAD"}:
                raise HttpRefusal(
                    403, "this port accepts only TLS; use https://", code="tls_needed"
                )
            return RedirectResponse(str(request.url.replace(scheme="https")), status_code=308)
        method = request.scope.get("method", "WEBSOCKET")
        if method not in _CHANGES_NOTHING and self._origins.is_foreign(request.headers):
            raise HttpRefusal(
                403,
                "pages of another site may not use this server; its owner can name the site in "
                "http.allowed_origins",
                code="foreign_origin",
            )
        if method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response = Response(status_code=204)
            self._origins.tell(request.headers, response.headers, preflight=True)
            return response
        self._logins.take(request.scope)
        return None

    def _check_head(self, request: HTTPConnection) -> None:
        limits = self._limits.settings
        raw = request.scope["headers"]
        if len(target_of(request)) > limits.uri_bytes:
            raise HttpRefusal(414, "the address is too long (limits.uri_bytes)", code="limit")
        if len(raw) > limits.header_count:
            raise HttpRefusal(431, "too many headers (limits.header_count)", code="limit")
        if sum(len(name) + len(value) for name, value in raw) > limits.header_bytes:
            raise HttpRefusal(431, "the headers are too long (limits.header_bytes)", code="limit")

    async def _refuse(
        self, request: HTTPConnection, error: Exception, receive: Receive, answer: _Answer
    ) -> None:
        refusal = refusal_of(error)
        login = login_of(request)
        if refusal.status == 401 and login is not None:
            # It would be a wrong password again with each request.
            self._logins.end(login)
        if is_unexpected(error):
            logger.error(
                "request failed",
                exc_info=error,
                extra={"peer": connection_of(request).peer_text, "uri": request.url.path},
            )
        if answer.started:
            # Half an answer cannot be taken back: the peer sees it end early.
            connection_of(request).abort()
        elif request.scope["type"] == "websocket":
            await _refuse_websocket(request, refusal, answer)
        else:
            response = problem(refusal)
            if CSRF_HEADER in request.headers:
                # The page asks for the password itself; browsers would open a window of theirs.
                del response.headers["WWW-Authenticate"]
            if has_body(request):
                # What of the body was not read would be taken for the next request.
                response.headers["Connection"] = "close"
            await response(request.scope, receive, answer.send)

    def _complete(self, request: HTTPConnection, headers: MutableHeaders) -> None:
        """Add to an answer what every answer has."""
        for name, value in ALWAYS:
            headers.setdefault(name, value)
        if self.server_name:
            headers.setdefault("Server", self.server_name)
        self._origins.tell(Headers(scope=request.scope), headers, preflight=False)


class _Answer:
    """What goes out to one request: each head is completed and counted."""

    def __init__(
        self, send: Send, complete: Callable[[MutableHeaders], None], counters: HttpCounters
    ) -> None:
        self._send = send
        self._complete = complete
        self._counters = counters
        self.started = False
        self.ended = False

    async def send(self, message: Message) -> None:
        if message["type"] in {"http.response.start", "websocket.http.response.start"}:
            self.started = True
            message.setdefault("headers", [])
            self._complete(MutableHeaders(scope=message))
            self._counters.answers_by_status[message["status"]] += 1
        elif message["type"] == "websocket.accept":
            self.started = True
            self._counters.answers_by_status[101] += 1
        await self._send(message)
        self.ended |= message["type"] == "http.response.body" and not message.get("more_body")


async def _refuse_websocket(request: HTTPConnection, refusal: HttpRefusal, answer: _Answer) -> None:
    if "websocket.http.response" not in request.scope.get("extensions", {}):
        await answer.send({"type": "websocket.close", "code": 1008, "reason": refusal.code})
        return
    response = problem(refusal)
    await answer.send(
        {
            "type": "websocket.http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
    )
    await answer.send({"type": "websocket.http.response.body", "body": response.body})


async def _nothing_here(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise HTTPException(404)

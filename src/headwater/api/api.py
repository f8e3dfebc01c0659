"""The API as one: its operations, their routes, and what holds for each request."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from headwater.access.decision import Action
from headwater.api.acting import Acting
from headwater.api.added_sources import AddedSources
from headwater.api.boards import Boards
from headwater.api.caller import SERVER, Caller, Callers
from headwater.api.document import openapi
from headwater.api.events import Events
from headwater.api.kept_answers import KeptAnswers
from headwater.api.logged import Logged
from headwater.api.logging_in import LoggingIn
from headwater.api.looking import Looking
from headwater.api.measuring import Measuring
from headwater.api.operation import Call, Operation, mount_path
from headwater.api.page import ApiPage
from headwater.api.pictures import Pictures
from headwater.api.query import query_of
from headwater.api.settings import ApiSettings
from headwater.api.sharing import SharedFigures
from headwater.api.source_book import SourceBook, book_path
from headwater.api.sourcing import Sourcing
from headwater.api.users import Users
from headwater.api.view import ServerActions, ServerView
from headwater.http.clearance import Clearance
from headwater.http.logins import Logins
from headwater.http.pictures import Still
from headwater.http.refusal import HttpRefusal
from headwater.http.route_group import RouteGroup
from headwater.http.settings import HttpSettings
from headwater.log_pace import paced_logger
from headwater.relay.relay import Relay

logger = paced_logger(__name__)

_ROOT = "/v1"
_NOBODY = Caller(None, Action.LOOK, ())


class Api:
    """Everything at `/v1`, and the metrics.

    Attributes:
        added: the sources that it was told.
        measuring: the metrics.
        callers: who is let in.
        boards: the boards that are open.
        kept: the answers that several ask for.
        operations: what can be asked for.
    """

    def __init__(
        self,
        relay: Relay,
        clearance: Clearance,
        logins: Logins,
        view: ServerView,
        actions: ServerActions,
        still: Still,
        settings: ApiSettings,
        http: HttpSettings,
        publish_port: int,
    ) -> None:
        self._limits = relay.limits
        self._clearance = clearance
        self.callers = Callers(relay.admission, clearance, relay.clock, settings, http)
        self._logging_in = LoggingIn(self.callers, logins, relay.limits)
        shared = SharedFigures(view)
        self.kept = KeptAnswers(relay.clock, relay.loop.call_later, view.turnover)
        book = book_path(settings.sources_file, publish_port)
        self.added = AddedSources(
            settings, None if book is None else SourceBook(book), actions.set_source
        )
        self.measuring = Measuring(shared, self.kept, settings)
        self._events = Events(view, self.callers)
        self.boards = Boards(
            view,
            self.callers,
            added=lambda: self.added.by_path,
            log_number=view.log_number,
        )
        # What stands in front goes before: a mount's own address is part of that of its picture.
        self.operations: tuple[Operation, ...] = (
            *Pictures(view, still).operations(),
            *Looking(view, shared, self.kept).operations(),
            *Sourcing(
                view, actions, self.callers, self.added, relay.limits, self.kept
            ).operations(),
            *self._events.operations(),
            *self.boards.operations(),
            *Logged(view).operations(),
            *Users(view, self.callers).operations(),
            *self.measuring.operations(),
            *Acting(view, actions, relay.limits, self.kept).operations(),
        )
        self._document = json.dumps(openapi(self.operations), ensure_ascii=False)

    def go_by(self, settings: ApiSettings, http: HttpSettings) -> None:
        """Go by other settings from the next request on."""
        self.callers.go_by(settings, http)
        self.added.go_by(settings)
        self.measuring.settings = settings
        self.kept.forget()

    def routes(self) -> list[BaseRoute]:
        """Return all routes; those of mounts' pages come behind."""
        by_address: dict[str, dict[str, Operation]] = {}
        for operation in self.operations:
            by_address.setdefault(operation.address, {})[operation.method] = operation
        # Fixed addresses go before those that hold a name.
        ordered = sorted(by_address.items(), key=lambda each: _openness(each[0]))
        page = ApiPage(self.operations)
        answering = {address: self._route(address, methods) for address, methods in ordered}
        below = [
            Route(f"{_ROOT}/openapi.json", self._tell_document, methods=["GET"]),
            WebSocketRoute(f"{_ROOT}/events", self._events.talk),
            Route(_ROOT, page.show, methods=["GET"]),
            Route(f"{_ROOT}/", page.show, methods=["GET"]),
            *(route for address, route in answering.items() if address.startswith(_ROOT)),
            Route(f"{_ROOT}/{{rest:path}}", _nothing_here),
        ]
        others = [route for address, route in answering.items() if not address.startswith(_ROOT)]
        return [*self._logging_in.routes(), *others, RouteGroup(_ROOT, below)]

    def say_who_may(self) -> None:
        """Log where the API answers to this machine alone."""
        if not self.callers.is_open_to_others:
            logger.info(
                "the API answers to this machine alone",
                extra={"remedy": "give access.users with look and control, or api.tokens"},
            )

    async def _tell_document(self, _request: Request) -> Response:
        return Response(self._document, media_type="application/json")

    def _route(self, address: str, methods: Mapping[str, Operation]) -> Route:
        async def answered(request: Request) -> Response:
            return await self._answer(methods, request)

        return Route(address.replace("{path}", "{path:path}"), answered, methods=list(methods))

    async def _answer(self, methods: Mapping[str, Operation], request: Request) -> Response:
        operation = methods["GET" if request.method == "HEAD" else request.method]
        path = self._named(operation, request)
        caller = await self._caller(operation, request, path)
        query = query_of(request, operation.parameters)
        return await operation.run(Call(request, caller, query, path))

    async def _caller(self, operation: Operation, request: Request, path: str) -> Caller:
        if operation.action is None:
            return _NOBODY
        if operation.action is Action.PLAY:
            cleared = await self._clearance.require(request, Action.PLAY, path)
            return Caller(cleared.username, Action.PLAY, ())
        asked_about = path if operation.names_a_mount else SERVER
        caller = await self.callers.identify(request, operation.action, asked_about)
        if operation.of_server:
            caller.require(SERVER)
        return caller

    def _named(self, operation: Operation, request: Request) -> str:
        if operation.names_a_mount:
            before, _, behind = operation.address.partition("{path}")
            return mount_path(request, before, behind, self._limits.settings)
        return str(request.path_params.get("id", ""))


def _openness(address: str) -> tuple[int, int]:
    return address.count("{"), -len(address)


async def _nothing_here(_request: Request) -> Response:
    raise HttpRefusal(
        404, f"there is nothing at this address; {_ROOT}/ lists what there is", code="not_found"
    )

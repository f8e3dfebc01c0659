"""The operations that change something: peers are sent away, mounts closed, files read again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from starlette.responses import Response

from headwater.access.decision import Action
from headwater.api.answers import answer
from headwater.api.json_body import json_of, record_of
from headwater.api.kept_answers import KeptAnswers
from headwater.api.looking import no_mount, no_session
from headwater.api.operation import Call, Operation, Shape
from headwater.api.view import ServerActions, ServerView
from headwater.control.lists import ListWanted
from headwater.http.refusal import HttpRefusal
from headwater.log_pace import paced_logger
from headwater.protocol.path_pattern import check_pattern
from headwater.relay.end import EndKind
from headwater.relay.limits import Limits
from headwater.setting_fields import take_fields
from headwater.side import Side

logger = paced_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class CloseRequest:
    """Which sessions to close: those for which all that is given is true."""

    user: str | None = None
    address: str | None = None
    path: str | None = None
    role: Side | None = None
    kind: EndKind | None = None

    def __post_init__(self) -> None:
        take_fields(self)
        chosen = (self.user, self.address, self.path)
        if all(each is None for each in chosen):
            raise ValueError("give user, address or path; to close everything, give the path `**`")
        if self.path is not None:
            check_pattern(self.path)


@dataclass(frozen=True, slots=True)
class Closed:
    """How many sessions were closed."""

    closed: int


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What reading the configuration again changed: keys, old and new values, in words."""

    changes: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()


class Acting:
    """Does them, and logs who asked."""

    def __init__(
        self, view: ServerView, actions: ServerActions, limits: Limits, kept: KeptAnswers
    ) -> None:
        self._view = view
        self._kept = kept
        self._actions = actions
        self._limits = limits

    def operations(self) -> tuple[Operation, ...]:
        """Return the part of the table."""
        operation = partial(Operation, action=Action.CONTROL)
        return (
            operation(
                id="closeMount",
                method="DELETE",
                address="/v1/mounts/{path}",
                summary="Close a mount: its publisher and its readers are sent away.",
                run=self._close_mount,
                answer=Shape(Closed),
                refusals=(404,),
            ),
            operation(
                id="closeSession",
                method="DELETE",
                address="/v1/sessions/{id}",
                summary="Send one publisher or reader away.",
                run=self._close_session,
                answer=Shape(Closed),
                refusals=(404,),
            ),
            operation(
                id="closeSessions",
                method="POST",
                address="/v1/sessions/close",
                summary="Send publishers and readers away by user, address or path.",
                run=self._close_sessions,
                body=CloseRequest,
                answer=Shape(Closed),
            ),
            operation(
                id="reloadCertificates",
                method="POST",
                address="/v1/certificates/reload",
                of_server=True,
                summary="Read the TLS files again, for the connections that come next.",
                run=self._reload_certificates,
                status=204,
            ),
            operation(
                id="reloadSettings",
                method="POST",
                address="/v1/settings/reload",
                of_server=True,
                summary="Read the configuration file again and apply what differs.",
                run=self._reload_settings,
                answer=Shape(Reloaded),
                refusals=(409, 501),
            ),
        )

    async def _close_mount(self, call: Call) -> Response:
        call.caller.require(call.path)
        if not await self._actions.close_mount(call.path, _reason(call)):
            raise no_mount(call.path)
        self._kept.forget()
        _log(call, "mount closed by the API", mount=call.path)
        return answer(Closed(1))

    async def _close_session(self, call: Call) -> Response:
        session = await self._view.session(call.path)
        if session is None or not call.caller.may(session.path):
            raise no_session(call.path)
        closed = await self._actions.close_session(session.id, _reason(call))
        self._kept.forget()
        if closed:
            _log(call, "session closed by the API", mount=session.path, session=session.id)
        return answer(Closed(int(closed)))

    async def _close_sessions(self, call: Call) -> Response:
        asked = record_of(await json_of(call.request, self._limits.settings), CloseRequest)
        wanted = ListWanted(
            allowed=call.caller.patterns,
            path=asked.path,
            user=asked.user,
            address=asked.address,
            side=asked.role,
            kind=asked.kind,
        )
        closed = await self._actions.close_sessions(wanted, _reason(call))
        self._kept.forget()
        for session in closed:
            _log(call, "session closed by the API", mount=session.path, session=session.id)
        return answer(Closed(len(closed)))

    async def _reload_certificates(self, call: Call) -> Response:
        await self._actions.reload_certificates()
        _log(call, "certificates read again by the API")
        return Response(status_code=204)

    async def _reload_settings(self, call: Call) -> Response:
        _log(call, "configuration read again by the API")
        try:
            changes, needs_restart = await self._actions.reload_settings()
        except LookupError as error:
            raise HttpRefusal(501, str(error), code="no_configuration") from None
        except (ValueError, OSError, RuntimeError) as error:
            raise HttpRefusal(
                409, f"nothing was applied, the old settings stay: {error}", code="not_applied"
            ) from None
        return answer(Reloaded(changes, needs_restart))


def _reason(call: Call) -> str:
    return "closed by the API" if call.caller.name is None else f"closed by {call.caller.name}"


def _log(call: Call, message: str, **fields: str) -> None:
    logger.info(message, extra={"user": call.caller.name or "", **fields})

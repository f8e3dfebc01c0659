"""Lets a request of the web through, or raises its refusal."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from headwater.access.decision import Action, Granted
from headwater.http.refusal import refusal_of_verdict
from headwater.http.request import hook_request_of, target_of
from headwater.relay.admission import Admission, Application
from headwater.relay.end import Grant
from headwater.side import Side


@dataclass(frozen=True, slots=True)
class Cleared:
    """Who may go on, and for how long where the right ends."""

    username: str | None
    grant: Grant | None = None


class Clearance:
    """Asks the relay's admission: users, rules, hooks and the brake are those of RTSP.

    Credentials are `Authorization` (Basic, Digest, or Bearer for a token) or `token=` in the query.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    async def require(self, request: HTTPConnection, action: Action, path: str) -> Cleared:
        """Return when the request may go on; raise HttpRefusal, HookFailed, HookTimedOut
        or NoAnswerError else.
        """
        authorization = request.headers.get("Authorization")
        granted = self._admission.at_once(action, path, authorization)
        if granted is not None:
            return Cleared(granted.username)
        side = Side.PUBLISH if action is Action.PUBLISH else Side.PLAY
        hook_request = hook_request_of(request, side, path)
        verdict = await self._admission.decide(
            Application(action, hook_request, authorization, target_of(request))
        )
        if not isinstance(verdict, Granted):
            raise refusal_of_verdict(verdict, action, path)
        return Cleared(verdict.username, Grant.of(verdict, hook_request, authorization))

"""Who may do what: credentials, then the owner's check of the mount, whatever the protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from headwater.access.authenticator import Authenticator
from headwater.access.decision import Action, Challenge, Decision, Forbidden, Granted, Throttled
from headwater.access.places import Places
from headwater.access.settings import AccessSettings
from headwater.hooks import Allowed, HookRequest, HookRunner, Redirect, Refused
from headwater.side import Side

Verdict = Granted | Challenge | Forbidden | Throttled | Refused | Redirect
"""What is said to a request: go on, show credentials, you may not, come later, what the owner's
hook said, or go elsewhere. Each protocol has its own table of answers for them."""

_OF_MEDIA = frozenset({Action.PUBLISH, Action.PLAY})
_SIDES = {action: Side.PUBLISH if action is Action.PUBLISH else Side.PLAY for action in Action}


@dataclass(frozen=True, slots=True)
class Application:
    """Somebody asks to do something with a mount.

    Attributes:
        action: what is to be done.
        request: what the owner's hooks see of it: path, peer, protocol, token, certificate.
        authorization: the Authorization header as it came; None without one.
        uri: the request's URI as it came, which a digest signs.
    """

    action: Action
    request: HookRequest
    authorization: str | None = field(default=None, repr=False)
    uri: str = field(default="", repr=False)


class Admission:
    """Decides about applications, by the users of the settings or by the owner's hooks."""

    def __init__(
        self,
        authenticator: Authenticator,
        hooks: Mapping[Side, HookRunner],
        clock: Callable[[], float],
    ) -> None:
        self.authenticator = authenticator
        self._hooks = hooks
        self._clock = clock
        self._places = {
            side: Places(runner.authentications_at_once, wait_s=runner.settings.timeout_s)
            for side, runner in hooks.items()
        }

    def at_once(self, action: Action, path: str, authorization: str | None) -> Granted | None:
        """Return the grant of what nobody checks; None where `decide` has to.

        So it is where the owner has no hook for it, no credentials are needed, and none are shown.
        """
        hooks = self._hooks[_SIDES[action]]
        if authorization is not None or hooks.has("authentication") or hooks.has("check_mount"):
            return None
        return self.authenticator.anonymous(action, path)

    async def decide(self, application: Application) -> Verdict:
        """Say who asks and whether they may. Raises HookFailed, HookTimedOut."""
        authenticator = self.authenticator
        if application.action not in _OF_MEDIA and not application.request.action:
            request = replace(application.request, action=application.action.value)
            application = replace(application, request=request)
        verdict = await self._decide(application)
        if authenticator is not self.authenticator:
            # The users were changed meanwhile: what they may now is what counts.
            return await self.decide(application)
        return verdict

    async def _decide(self, application: Application) -> Verdict:
        decision = await self._authenticate(application)
        if not isinstance(decision, Granted):
            return decision
        return await self._check_mount(application.action, application.request, decision.username)

    async def ask_again(self, request: HookRequest, username: str | None) -> Verdict:
        """Ask the owner's check of the mount anew, once a grant of it has ended.

        Who asks is known since then. Raises HookFailed, HookTimedOut.
        """
        return await self._check_mount(Action(request.side), request, username)

    def apply(self, access: AccessSettings) -> None:
        """Decide the next application by other users and rules, and the settings of the hooks."""
        if access != self.authenticator.settings:
            self.authenticator = self.authenticator.with_settings(access)
        for side, places in self._places.items():
            places.wait_s = self._hooks[side].settings.timeout_s

    async def aclose(self) -> None:
        """Let go of the thread that verifies slow hashes."""
        await self.authenticator.aclose()

    async def _authenticate(self, application: Application) -> Decision:
        side = _SIDES[application.action]
        hooks, request = self._hooks[side], application.request
        now, (peer, port) = self._clock(), request.peer
        if not hooks.has("authentication"):
            return await self.authenticator.check(
                method=request.method,
                uri=application.uri,
                authorization=application.authorization,
                action=application.action,
                path=request.path,
                now=now,
                peer=peer,
                port=port,
            )

        async def verify(username: str, password: str) -> bool:
            return await hooks.authentication(username, password, request)

        return await self.authenticator.check_by(
            verify,
            authorization=application.authorization,
            now=now,
            peer=peer,
            port=port,
            places=self._places[side],
        )

    async def _check_mount(
        self, action: Action, request: HookRequest, username: str | None
    ) -> Verdict:
        verdict = await self._hooks[_SIDES[action]].check_mount(request)
        match verdict:
            case Allowed(for_s):
                return Granted(username, None if for_s is None else self._clock() + for_s)
            case Refused() | Redirect():
                return verdict
            case _:
                assert_never(verdict)

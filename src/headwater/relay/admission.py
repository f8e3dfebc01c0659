"""Who may do what: credentials, then the owner's check of the mount, whatever the protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from headwater.access.authenticator import Authenticator
from headwater.access.claim import basic_of
from headwater.access.decision import Action, Challenge, Decision, Forbidden, Granted, Throttled
from headwater.access.outside import (
    Owner,
    Question,
    Reply,
    Said,
    TokenReader,
    TokenRefusedError,
)
from headwater.access.places import Places
from headwater.access.settings import AccessSettings
from headwater.histogram import OF_ANSWERS_S, Histogram
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
    """Decides about applications: by a signed token where one is shown, else by the owner's server,
    else by the owner's hook, else by the users of the settings. `check_mount` comes behind each.

    Attributes:
        tokens: reads signed tokens; None where none are taken.
        owner: asks the owner's server; None where there is none.
        took: how many seconds decisions took that were not made at once.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        hooks: Mapping[Side, HookRunner],
        clock: Callable[[], float],
    ) -> None:
        self.authenticator = authenticator
        self.tokens: TokenReader | None = None
        self.owner: Owner | None = None
        self.took = Histogram(OF_ANSWERS_S)
        self.nodes: Authenticator | None = None
        """Who checks the credentials of other nodes of a cluster; None where there are none."""
        self._hooks = hooks
        self._clock = clock
        self._places = {
            side: Places(runner.authentications_at_once, wait_s=runner.settings.timeout_s)
            for side, runner in hooks.items()
        }
        ask = authenticator.settings.ask
        self._places_at_owner = Places(ask.at_once, wait_s=ask.timeout_s)

    async def decide_node(self, application: Application) -> Decision | None:
        """Say whether another node of the cluster asks; None where there is no cluster.

        Who reads there was judged there: neither users nor hooks of this server are asked.
        """
        if self.nodes is None:
            return None
        return await self._checked(self.nodes, application)

    def at_once(self, action: Action, path: str, authorization: str | None) -> Granted | None:
        """Return the grant of what nobody checks; None where `decide` has to.

        So it is where the owner has no hook for it, no credentials are needed, and none are shown.
        """
        hooks = self._hooks[_SIDES[action]]
        if authorization is not None or hooks.has("authentication") or hooks.has("check_mount"):
            return None
        if self.owner is not None:
            return None
        return self.authenticator.anonymous(action, path)

    async def decide(self, application: Application) -> Verdict:
        """Say who asks and whether they may. Raises HookFailed, HookTimedOut, NoAnswerError."""
        authenticator = self.authenticator
        if application.action not in _OF_MEDIA and not application.request.action:
            request = replace(application.request, action=application.action.value)
            application = replace(application, request=request)
        began_s = self._clock()
        try:
            verdict = await self._decide(application)
        finally:
            self.took.add(self._clock() - began_s)
        if authenticator is not self.authenticator:
            # The users were changed meanwhile: what they may now is what counts.
            return await self.decide(application)
        return verdict

    async def _decide(self, application: Application) -> Verdict:
        decision = await self._authenticate(application)
        if not isinstance(decision, Granted):
            return decision
        return await self._check_mount(application.action, application.request, decision)

    async def ask_again(
        self, request: HookRequest, username: str | None, authorization: str | None = None
    ) -> Verdict:
        """Ask the owner's server and check of the mount anew, once a grant of them has ended.

        Who asks is known since then. Raises HookFailed, HookTimedOut, NoAnswerError.
        """
        action, granted = Action(request.side), Granted(username)
        if self.owner is not None and not self._shows_token(request, authorization):
            question = _question(Application(action, request, authorization))
            reply = await self.owner.ask(question)
            if reply.said is not Said.YES:
                return Forbidden(username or "anonymous")
            granted = self._granted(username, reply)
        return await self._check_mount(action, request, granted)

    def apply(self, access: AccessSettings) -> None:
        """Decide the next application by other users and rules, and the settings of the hooks."""
        if access != self.authenticator.settings:
            self.authenticator = self.authenticator.with_settings(access)
        for side, places in self._places.items():
            places.wait_s = self._hooks[side].settings.timeout_s
        self._places_at_owner.wait_s = access.ask.timeout_s

    async def aclose(self) -> None:
        """Let go of the thread that verifies slow hashes."""
        await self.authenticator.aclose()

    async def _authenticate(self, application: Application) -> Decision:
        side = _SIDES[application.action]
        hooks, request = self._hooks[side], application.request
        if self._shows_token(request, application.authorization):
            return self.authenticator.counted(await self._by_token(application))
        if self.owner is not None:
            return await self._by_owner(self.owner, application)
        if not hooks.has("authentication"):
            return await self._checked(self.authenticator, application)
        now, (peer, port) = self._clock(), request.peer

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

    def _shows_token(self, request: HookRequest, authorization: str | None) -> bool:
        tokens = self.tokens
        return tokens is not None and tokens.knows(_token_in(request, authorization))

    async def _by_token(self, application: Application) -> Decision:
        """Decide by a signed token; a bad one does no harm where none is needed."""
        assert self.tokens is not None  # noqa: S101 - asked before
        request, authenticator = application.request, self.authenticator
        if self._needs_nothing(application):
            return Granted(None)
        try:
            holder = await self.tokens.holder_of(_token_in(request, application.authorization))
        except TokenRefusedError as error:
            headers = authenticator.challenges(self._clock(), peer=request.peer[0])
            return Challenge(headers, refused=True, complaint=f"the token {error}")
        if not holder.may(application.action, request.path):
            return Forbidden(holder.name)
        return Granted(holder.name, expires_s=holder.expires_s)

    def _needs_nothing(self, application: Application) -> bool:
        hooks = self._hooks[_SIDES[application.action]]
        if self.owner is not None or hooks.has("authentication"):
            return False
        path = application.request.path
        return self.authenticator.anonymous_may(application.action, path)

    async def _by_owner(self, owner: Owner, application: Application) -> Decision:
        """Decide by the owner's server, under the brake and the fair order of hooks."""
        authenticator, (peer, port) = self.authenticator, application.request.peer
        question = _question(application)
        reply = owner.remembered(question)
        if reply is not None and reply.said is Said.YES:
            return authenticator.counted(self._granted(question.username or None, reply))

        async def verify(_username: str, _password: str) -> bool:
            nonlocal reply
            reply = await owner.ask(question)
            return reply.said is not Said.WHO_ARE_YOU

        decision = await authenticator.check_by(
            verify,
            authorization=application.authorization,
            now=self._clock(),
            peer=peer,
            port=port,
            places=self._places_at_owner,
        )
        if not isinstance(decision, Granted) or reply is None:
            return decision
        if reply.said is Said.NO:
            return Forbidden(reply.username or decision.username or "anonymous")
        return self._granted(decision.username, reply)

    def _granted(self, username: str | None, reply: Reply) -> Granted:
        until_s = None if reply.for_s is None else self._clock() + reply.for_s
        return Granted(reply.username or username, until_s)

    async def _checked(self, authenticator: Authenticator, application: Application) -> Decision:
        request = application.request
        peer, port = request.peer
        return await authenticator.check(
            method=request.method,
            uri=application.uri,
            authorization=application.authorization,
            action=application.action,
            path=request.path,
            now=self._clock(),
            peer=peer,
            port=port,
        )

    async def _check_mount(self, action: Action, request: HookRequest, granted: Granted) -> Verdict:
        verdict = await self._hooks[_SIDES[action]].check_mount(request)
        match verdict:
            case Allowed(for_s):
                if for_s is None:
                    return granted
                until_s = self._clock() + for_s
                return replace(granted, until_s=min(granted.until_s or until_s, until_s))
            case Refused() | Redirect():
                return verdict
            case _:
                assert_never(verdict)


def _token_in(request: HookRequest, authorization: str | None) -> str:
    """Return what may be a token: players that know no tokens send it as a password."""
    if request.token is not None:
        return request.token
    basic = basic_of(authorization)
    return "" if basic is None else basic.password


def _question(application: Application) -> Question:
    request = application.request
    basic = basic_of(application.authorization)
    return Question(
        action=application.action,
        path=request.path,
        protocol=request.scheme,
        address=request.peer[0],
        query=request.query,
        user_agent=request.user_agent,
        username="" if basic is None else basic.username,
        password="" if basic is None else basic.password,
        token=request.token or "",
    )

"""Who asks the API, and what of the server they may see or change."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from headwater.access.auth_method import AuthMethod
from headwater.access.authenticator import Authenticator
from headwater.access.decision import Action, Granted
from headwater.access.outside import Holder, TokenRefusedError
from headwater.api.settings import ApiSettings, TokenSettings
from headwater.http.clearance import Clearance
from headwater.http.logins import Login, login_of
from headwater.http.origins import Origins
from headwater.http.refusal import HttpRefusal, refusal_of_verdict
from headwater.http.request import connection_of, target_of
from headwater.http.settings import ANY_ORIGIN, HttpSettings
from headwater.protocol.path_pattern import matches
from headwater.relay.admission import Admission

SERVER = "/"
"""The path that stands for the server as a whole."""

_EVERYTHING = ("**",)
_CHANGES_NOTHING = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
_HOW_TO_BE_LET_IN = (
    "give the configuration a user (access.users, with `look` and `control` patterns) or a token "
    "(api.tokens), and send its credentials"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was let in, for one action.

    Attributes:
        name: the name of the user or token; None for somebody on this machine.
        action: what is asked for: look or control.
        patterns: the paths for which they may.
        holder: what they showed a signed token of; None for all others.
        login: what they came by with a browser; None for all others.
    """

    name: str | None
    action: Action
    patterns: tuple[str, ...]
    holder: Holder | None = None
    login: Login | None = None

    def may(self, path: str) -> bool:
        """Return whether the caller's rights cover a path."""
        return any(matches(pattern, path) for pattern in self.patterns)

    def require(self, path: str) -> None:
        """Raise HttpRefusal where the caller's rights do not cover a path."""
        if self.may(path):
            return
        what = "the server as a whole" if path == SERVER else path
        raise HttpRefusal(
            403,
            f"{self.name} may not {self.action} {what}; its owner can give a `{self.action}` "
            "pattern that covers it",
            code="forbidden",
        )


@dataclass(frozen=True, slots=True)
class Rights:
    """The patterns of paths that somebody may look at, control and play."""

    look: tuple[str, ...]
    control: tuple[str, ...]
    play: tuple[str, ...]


class Callers:
    """Lets callers in: by a token of the settings, by a signed token, by the users of RTSP, by the
    owner's hooks or server, or from this machine.
    """

    def __init__(
        self,
        admission: Admission,
        clearance: Clearance,
        clock: Callable[[], float],
        settings: ApiSettings,
        http: HttpSettings,
    ) -> None:
        self._admission = admission
        self._clearance = clearance
        self._clock = clock
        self.go_by(settings, http)

    def go_by(self, settings: ApiSettings, http: HttpSettings) -> None:
        """Go by other settings from the next request on."""
        self._settings = settings
        self._digests = {token.digest: token for token in settings.tokens}
        # `*` says that anybody may watch: it lets no page of a stranger act in a user's name.
        self._origins = Origins([each for each in http.allowed_origins if each != ANY_ORIGIN])

    @property
    def authenticator(self) -> Authenticator:
        """Who knows the users."""
        return self._admission.authenticator

    @property
    def tokens(self) -> Sequence[TokenSettings]:
        """Those of programs."""
        return self._settings.tokens

    @property
    def is_open_to_others(self) -> bool:
        """Whether anybody beside programs on this machine can be let in."""
        return self._settings.ask_hooks or self._knows_anybody

    @property
    def _knows_anybody(self) -> bool:
        """Whether there is anybody who could show who they are."""
        admission = self._admission
        by_settings = self._settings.tokens or admission.authenticator.has_any
        return bool(by_settings) or admission.tokens is not None

    async def identify(self, request: HTTPConnection, action: Action, path: str) -> Caller:
        """Return who asks; raise HttpRefusal for a stranger.

        `path` is what the owner's hooks are asked about; what else the caller may is for
        `Caller.require`.
        """
        caller = await self._identified(request, action, path)
        login = login_of(request)
        return caller if login is None else replace(caller, login=login)

    async def _identified(self, request: HTTPConnection, action: Action, path: str) -> Caller:
        self._refuse_foreign_pages(request)
        token = _bearer_of(request)
        holder = await self._holder_of(token)
        if holder is not None:
            return _by_signed_token(holder, action)
        if self._settings.ask_hooks:
            return await self._by_hooks(request, action, path)
        if token:
            return self._by_token(token, action)
        if not self._knows_anybody:
            return self._from_this_machine(request, action)
        return await self._by_password(request, action)

    async def who(self, request: HTTPConnection) -> str:
        """Return the name that credentials are of, whatever they may; raise HttpRefusal else."""
        self._refuse_foreign_pages(request)
        token = _bearer_of(request)
        holder = await self._holder_of(token)
        if holder is not None:
            return holder.name
        if self._settings.ask_hooks:
            return (await self._by_hooks(request, Action.LOOK, SERVER)).name or "a token"
        if token:
            return self._by_token(token, Action.LOOK).name or ""
        access = self._admission.authenticator.settings
        if access.users and AuthMethod.BASIC not in access.offered_methods():
            raise HttpRefusal(
                403,
                "this server takes no passwords as they are; its owner can add `basic` to "
                "access.methods",
                code="no_plain_passwords",
            )
        return await self._named(request, Action.LOOK)

    def rights_of(self, caller: Caller) -> Rights:
        """Return all rights of a caller, for a page that shows what can be done.

        Of what hooks decide nothing is known before they are asked: everything is offered.
        """
        if caller.name is None or self._settings.ask_hooks:
            return Rights(caller.patterns, _EVERYTHING, _EVERYTHING)
        authenticator = self._admission.authenticator
        plays = authenticator.anonymous_patterns(Action.PLAY)
        if caller.holder is not None:
            looks, controls, signed = (
                caller.holder.patterns.get(action, ())
                for action in (Action.LOOK, Action.CONTROL, Action.PLAY)
            )
            return Rights(looks, controls, plays + signed)
        looks, controls = (
            self.patterns_now(replace(caller, action=action))
            for action in (Action.LOOK, Action.CONTROL)
        )
        is_token = any(token.name == caller.name for token in self._settings.tokens)
        if not is_token:
            plays += authenticator.patterns_of(caller.name, Action.PLAY)
        return Rights(looks, controls, plays)

    def patterns_now(self, caller: Caller) -> tuple[str, ...]:
        """Return what a caller of before may now, as a stream asks that goes on for hours."""
        if self.has_expired(caller):
            return ()
        if caller.holder is not None:
            return caller.patterns
        if caller.name is None or self._settings.ask_hooks:
            return caller.patterns
        for token in self._settings.tokens:
            if token.name == caller.name:
                return token.look if caller.action is Action.LOOK else token.control
        return self._admission.authenticator.patterns_of(caller.name, caller.action)

    def has_expired(self, caller: Caller) -> bool:
        """Return whether what a caller showed has ended since."""
        if caller.login is not None and caller.login.ended:
            return True
        return caller.holder is not None and self._clock() >= caller.holder.expires_s

    def _refuse_foreign_pages(self, request: HTTPConnection) -> None:
        changes = request.scope.get("method", "GET") not in _CHANGES_NOTHING
        websocket = request.scope["type"] == "websocket"
        if (changes or websocket) and self._origins.is_foreign(request.headers):
            raise HttpRefusal(
                403,
                "pages of another site may not do this; its owner can name the site in "
                "http.allowed_origins, where `*` does not count for it",
                code="foreign_origin",
            )

    async def _holder_of(self, token: str) -> Holder | None:
        """Return who shows a signed token; None where it is of another kind."""
        tokens = self._admission.tokens
        if tokens is None or not tokens.knows(token):
            return None
        try:
            return await tokens.holder_of(token)
        except TokenRefusedError as error:
            raise _wrong_token(f"the token {error}") from None

    def _by_token(self, token: str, action: Action) -> Caller:
        shown = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        for digest, known in self._digests.items():
            if hmac.compare_digest(digest, shown):
                patterns = known.look if action is Action.LOOK else known.control
                return Caller(known.name, action, patterns)
        raise _wrong_token(
            "there is no such token; api.tokens of the configuration has those that there are"
        )

    async def _by_hooks(self, request: HTTPConnection, action: Action, path: str) -> Caller:
        cleared = await self._clearance.require(request, action, path)
        everything = path == SERVER
        return Caller(cleared.username, action, _EVERYTHING if everything else (path,))

    async def _by_password(self, request: HTTPConnection, action: Action) -> Caller:
        name = await self._named(request, action)
        # The users may have been changed while a slow password was checked.
        patterns = self._admission.authenticator.patterns_of(name, action)
        if not patterns:
            raise HttpRefusal(
                403,
                f"{name} may not {action} anything; its owner can give the user `{action}` "
                "patterns (access.users)",
                code="forbidden",
            )
        return Caller(name, action, patterns)

    async def _named(self, request: HTTPConnection, action: Action) -> str:
        authenticator = self._admission.authenticator
        authorization = request.headers.get("Authorization")
        if not authenticator.has_any:
            raise HttpRefusal(
                401,
                "the API needs a token: Authorization: Bearer …",
                code="credentials_needed",
                headers=[("WWW-Authenticate", "Bearer")],
            )
        peer, port = connection_of(request).peer
        decision = await authenticator.identify(
            method=request.scope.get("method", "GET"),
            uri=target_of(request),
            authorization=authorization,
            now=self._clock(),
            peer=peer,
            port=port,
        )
        if not isinstance(decision, Granted):
            raise refusal_of_verdict(decision, action, "the API")
        return decision.username or ""

    def _from_this_machine(self, request: HTTPConnection, action: Action) -> Caller:
        """Let in who is on this machine itself: no proxy on it, and no page of another site."""
        headers = request.headers
        if not ip_address(connection_of(request).peer[0].partition("%")[0]).is_loopback:
            why = "the API answers to this machine alone"
        elif any(name in headers for name in _OF_PROXIES):
            why = "the API answers to this machine alone, and the request came by a proxy"
        elif not all(map(_names_this_machine, headers.getlist("Host") or [""])):
            # A page of a name that an attacker lets lead to 127.0.0.1 has that name here.
            why = "the API answers to this machine alone, by the name localhost or its address"
        elif self._origins.is_foreign(headers):
            why = "the API answers to this machine alone, and to no page of another site"
        else:
            return Caller(None, action, _EVERYTHING)
        raise HttpRefusal(403, f"{why}; {_HOW_TO_BE_LET_IN}", code="this_machine_only")


def _by_signed_token(holder: Holder, action: Action) -> Caller:
    patterns = holder.patterns.get(action, ())
    if not patterns:
        raise HttpRefusal(
            403,
            f"{holder.name} may not {action} anything; the token's claim of paths has no "
            f"`{action}`",
            code="forbidden",
        )
    return Caller(holder.name, action, patterns, holder)


def _bearer_of(request: HTTPConnection) -> str:
    words = request.headers.get("Authorization", "").split()
    return words[1] if len(words) == 2 and words[0].lower() == "bearer" else ""


def _wrong_token(detail: str) -> HttpRefusal:
    # RFC 6750 §3.1
    shown = [("WWW-Authenticate", 'Bearer error="invalid_token"')]
    return HttpRefusal(401, detail, code="credentials_needed", headers=shown)


Identify = Callable[[HTTPConnection, Action, str], Awaitable[Caller]]


def _names_this_machine(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False

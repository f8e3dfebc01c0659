"""Logins of browsers: a cookie stands for the credentials that were shown once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Scope

from headwater.http.origins import is_own
from headwater.http.refusal import HttpRefusal
from headwater.http.settings import HttpSettings

MOST_LOGINS: Final = 1000
MOST_OF_USER: Final = 32
"""So that one user pushes nobody else out."""
LONGEST_S: Final = 7 * 86_400.0
CSRF_HEADER: Final = "X-Headwater-CSRF"
"""Pages send it with all that they ask: no form and no page of another site can."""

_CHANGES_NOTHING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SCOPE_KEY: Final = "headwater.login"
_SECRET_BYTES: Final = 32


@dataclass(slots=True)
class Login:
    """Somebody who logged in with a browser.

    Attributes:
        name: of the user or token.
        authorization: what each request is taken to have said; so that users, rights, hooks and
            the brake are asked each time, and a password that was changed ends it.
        csrf: what requests that change something must say.
        began_s, used_s: by the server's clock.
        ended: whether the table knows it no more: for what goes on for hours.
    """

    name: str
    authorization: str = field(repr=False)
    csrf: str = field(repr=False)
    began_s: float
    used_s: float
    ended: bool = False


class Logins:
    """The logins, by a hash of their cookies: bounded, and none lasts for ever.

    Attributes:
        idle_s: how long one may go without a request.
    """

    def __init__(self, settings: HttpSettings, clock: Callable[[], float]) -> None:
        self.idle_s = settings.login_idle_s
        self._clock = clock
        self._logins: OrderedDict[bytes, Login] = OrderedDict()

    def __len__(self) -> int:
        return len(self._logins)

    def __iter__(self) -> Iterator[Login]:
        return iter(tuple(self._logins.values()))

    def begin(self, name: str, authorization: str) -> tuple[str, Login]:
        """Take in a login; return the value of its cookie too."""
        now = self._clock()
        self._forget_old(now)
        same = [key for key, login in self._logins.items() if login.name == name]
        for key in same[: max(0, len(same) - MOST_OF_USER + 1)]:
            self._drop(key)
        while len(self._logins) >= MOST_LOGINS:
            self._drop(next(iter(self._logins)))
        value = secrets.token_urlsafe(_SECRET_BYTES)
        login = Login(name, authorization, secrets.token_urlsafe(_SECRET_BYTES), now, now)
        self._logins[_key(value)] = login
        return value, login

    def end(self, login: Login) -> None:
        """Forget a login; a second call does nothing."""
        for key, each in self._logins.items():
            if each is login:
                self._drop(key)
                return

    def take(self, scope: Scope) -> None:
        """Have a request say what the login of its cookie said; one that says more is left alone.

        Raises HttpRefusal where a page of another site could have made it.
        """
        request = HTTPConnection(scope)
        if "Authorization" in request.headers:
            return
        login = self._of_cookies(request)
        if login is None:
            return
        _require_own_page(request, login)
        scope[_SCOPE_KEY] = login
        scope["headers"] = [
            *scope["headers"],
            (b"authorization", login.authorization.encode("latin-1")),
        ]

    def _of_cookies(self, request: HTTPConnection) -> Login | None:
        now, name = self._clock(), cookie_name(request)
        for text in request.headers.getlist("Cookie"):
            try:
                morsel = SimpleCookie(text).get(name)
            except CookieError:
                continue
            key = b"" if morsel is None else _key(morsel.value)
            login = self._logins.get(key)
            if login is None:
                continue
            if self._is_over(login, now):
                self._drop(key)
                continue
            login.used_s = now
            self._logins.move_to_end(key)
            return login
        return None

    def _forget_old(self, now: float) -> None:
        for key in [key for key, login in self._logins.items() if self._is_over(login, now)]:
            self._drop(key)

    def _drop(self, key: bytes) -> None:
        self._logins.pop(key).ended = True

    def _is_over(self, login: Login, now: float) -> bool:
        return now - login.used_s > self.idle_s or now - login.began_s > LONGEST_S


def login_of(request: HTTPConnection) -> Login | None:
    """Return the login that a request came by; None where it came by something else."""
    login: Login | None = request.scope.get(_SCOPE_KEY)
    return login


def cookie_name(request: HTTPConnection) -> str:
    """Return the name of the cookie: browsers keep one jar for all ports of a host."""
    server = request.scope.get("server")
    return f"headwater_{server[1]}" if server else "headwater"


def _key(value: str) -> bytes:
    # What is kept opens nothing, and finding it tells nothing by the time that it takes.
    return hashlib.sha256(value.encode("utf-8", "replace")).digest()


def _require_own_page(request: HTTPConnection, login: Login) -> None:
    if request.scope["type"] == "websocket":
        origin = request.headers.get("Origin")
        if origin is not None and is_own(origin, request.headers):
            return
        raise HttpRefusal(
            403, "a WebSocket by a login must be opened by a page of this server", code="csrf"
        )
    if request.scope["method"] in _CHANGES_NOTHING:
        return
    shown = request.headers.get(CSRF_HEADER, "").encode("latin-1", "replace")
    if not hmac.compare_digest(shown, login.csrf.encode()):
        raise HttpRefusal(
            403,
            f"what changes something by a login needs the header {CSRF_HEADER} with its token, "
            "which GET /-/login tells; programs send Authorization instead",
            code="csrf",
        )

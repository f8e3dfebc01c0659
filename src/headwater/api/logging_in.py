"""Logging in and out with a browser, and what the page is told of who it is."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headwater.access.decision import Action
from headwater.api.answers import answer
from headwater.api.caller import SERVER, Callers, Rights
from headwater.api.json_body import json_of, record_of
from headwater.http.assets import PREFIX
from headwater.http.logins import LONGEST_S, Login, Logins, cookie_name, login_of
from headwater.http.refusal import HttpRefusal
from headwater.log_pace import paced_logger
from headwater.relay.limits import Limits
from headwater.setting_fields import take_fields

logger = paced_logger(__name__)

ADDRESS: Final = f"{PREFIX}login"


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What somebody types in; without a user the password is a token."""

    user: str = ""
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        take_fields(self)

    @property
    def authorization(self) -> str:
        """The same as a header."""
        if not self.user:
            return f"Bearer {self.password}"
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Who the page is, and what it may show.

    Attributes:
        user: the name; None without a login.
        csrf: what requests that change something must say; None without a login.
        let_in: whether the API answers.
        can_log_in: whether there is anybody to log in as.
        detail: why the API does not answer, "" where it does.
        rights: the patterns of paths.
    """

    user: str | None
    csrf: str | None
    let_in: bool
    can_log_in: bool
    detail: str
    rights: Rights


class LoggingIn:
    """Checks credentials as the API does, and keeps them for the cookie that it gives."""

    def __init__(self, callers: Callers, logins: Logins, limits: Limits) -> None:
        self._callers = callers
        self._logins = logins
        self._limits = limits

    def routes(self) -> list[BaseRoute]:
        """Return the one address, whose methods are these."""
        return [
            Route(ADDRESS, self._tell, methods=["GET"]),
            Route(ADDRESS, self._log_in, methods=["POST"]),
            Route(ADDRESS, self._log_out, methods=["DELETE"]),
        ]

    async def _tell(self, request: Request) -> Response:
        return answer(await self._standing(request, login_of(request)))

    async def _log_in(self, request: Request) -> Response:
        given = record_of(await json_of(request, self._limits.settings), Credentials)
        shown = _with_authorization(request, given.authorization)
        name = await self._callers.who(shown)
        before = login_of(request)
        if before is not None:
            self._logins.end(before)
        value, login = self._logins.begin(name, given.authorization)
        logger.info("logged in by the page", extra={"user": name})
        response = answer(await self._standing(shown, login))
        _set_cookie(request, response, value, LONGEST_S)
        return response

    async def _log_out(self, request: Request) -> Response:
        login = login_of(request)
        if login is not None:
            self._logins.end(login)
            logger.info("logged out by the page", extra={"user": login.name})
        response = Response(status_code=204)
        _set_cookie(request, response, "", 0)
        return response

    async def _standing(self, request: HTTPConnection, login: Login | None) -> Standing:
        detail, rights = "", Rights((), (), ())
        try:
            caller = await self._callers.identify(request, Action.LOOK, SERVER)
            rights = self._callers.rights_of(caller)
        except HttpRefusal as refusal:
            detail = refusal.detail
            if refusal.status == 401 and login is not None:
                self._logins.end(login)
                login = None
        return Standing(
            user=None if login is None else login.name,
            csrf=None if login is None else login.csrf,
            let_in=not detail,
            can_log_in=self._callers.is_open_to_others,
            detail=detail,
            rights=rights,
        )


def _with_authorization(request: HTTPConnection, authorization: str) -> HTTPConnection:
    """Return the request as if it had shown these credentials."""
    try:
        value = authorization.encode("latin-1")
    except UnicodeEncodeError:
        raise HttpRefusal(401, "there is no such token", code="credentials_needed") from None
    others = [(key, each) for key, each in request.scope["headers"] if key != b"authorization"]
    return HTTPConnection({**request.scope, "headers": [*others, (b"authorization", value)]})


def _set_cookie(request: Request, response: Response, value: str, lasts_s: float) -> None:
    response.set_cookie(
        cookie_name(request),
        value,
        max_age=int(lasts_s),
        secure=request.url.scheme == "https",
        httponly=True,
        # Links to pages of mounts work, and nothing that another site has asked for.
        samesite="lax",
    )

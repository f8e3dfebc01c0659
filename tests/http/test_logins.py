"""The table of logins: bounded, with an end, and no way in for pages of other sites."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from starlette.types import Scope

from headwater.http.logins import LONGEST_S, MOST_LOGINS, MOST_OF_USER, Logins, login_of
from headwater.http.refusal import HttpRefusal
from headwater.http.settings import HttpSettings


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def logins(clock: Clock) -> Logins:
    return Logins(HttpSettings(login_idle_s=100.0), clock)


def scope_of(method: str = "GET", kind: str = "http", **headers: str) -> Scope:
    pairs = {"Host": "server:8080", **{key.replace("_", "-"): v for key, v in headers.items()}}
    return {
        "type": kind,
        "method": method,
        "path": "/",
        "server": ("127.0.0.1", 8080),
        "headers": [(key.lower().encode(), value.encode()) for key, value in pairs.items()],
    }


def taken(logins: Logins, scope: Scope) -> str | None:
    """Return what a request is taken to have said of who it is."""
    logins.take(scope)
    return next((v.decode() for key, v in scope["headers"] if key == b"authorization"), None)


def test_a_cookie_stands_for_what_was_said_once(logins: Logins) -> None:
    value, login = logins.begin("ann", "Basic abc")
    scope = scope_of(Cookie=f"other=1; headwater_8080={value}")
    assert taken(logins, scope) == "Basic abc"
    assert "Basic abc" not in repr(login)


@pytest.mark.parametrize(
    "cookie", ["", "headwater_8080=", "headwater_8080=guess", "headwater_9090={}", "=;;\x7f", "{}"]
)
def test_another_cookie_stands_for_nothing(logins: Logins, cookie: str) -> None:
    value, _ = logins.begin("ann", "Basic abc")
    assert taken(logins, scope_of(Cookie=cookie.format(value))) is None


def test_what_a_program_says_goes_before(logins: Logins) -> None:
    value, _ = logins.begin("ann", "Basic abc")
    scope = scope_of("DELETE", Cookie=f"headwater_8080={value}", Authorization="Bearer own")
    assert taken(logins, scope) == "Bearer own"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("shown", ["", "guess", "{}"])
def test_what_changes_something_needs_the_token(logins: Logins, method: str, shown: str) -> None:
    value, login = logins.begin("ann", "Basic abc")
    scope = scope_of(
        method, Cookie=f"headwater_8080={value}", X_Headwater_CSRF=shown.format(login.csrf)
    )
    if shown == "{}":
        assert taken(logins, scope) == "Basic abc"
        return
    with pytest.raises(HttpRefusal, match="X-Headwater-CSRF") as refused:
        logins.take(scope)
    assert (refused.value.status, refused.value.code) == (403, "csrf")


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        ({"Origin": "http://server:8080"}, True),
        ({"Origin": "http://server:3000"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({}, False),
    ],
)
def test_websockets_of_own_pages_alone(logins: Logins, origin: dict[str, str], may: bool) -> None:
    value, _ = logins.begin("ann", "Basic abc")
    scope = scope_of(kind="websocket", Cookie=f"headwater_8080={value}", **origin)
    if may:
        assert taken(logins, scope) == "Basic abc"
    else:
        with pytest.raises(HttpRefusal, match="page of this server"):
            logins.take(scope)


def test_a_login_ends_when_it_is_idle_and_after_a_week(logins: Logins, clock: Clock) -> None:
    value, _ = logins.begin("ann", "Basic abc")
    cookie = f"headwater_8080={value}"
    clock.now += 99
    assert taken(logins, scope_of(Cookie=cookie)) == "Basic abc"
    clock.now += 99
    assert taken(logins, scope_of(Cookie=cookie)) == "Basic abc"
    clock.now += 101
    assert taken(logins, scope_of(Cookie=cookie)) is None
    assert len(logins) == 0
    logins.idle_s = 2 * LONGEST_S
    value, _ = logins.begin("ann", "Basic abc")
    clock.now += LONGEST_S + 1
    assert taken(logins, scope_of(Cookie=f"headwater_8080={value}")) is None


def test_the_table_is_bounded(logins: Logins) -> None:
    first, _ = logins.begin("ann", "Basic abc")
    for _ in range(MOST_OF_USER + 5):
        logins.begin("bob", "Basic def")
    assert len(logins) == MOST_OF_USER + 1
    assert taken(logins, scope_of(Cookie=f"headwater_8080={first}")) == "Basic abc"
    for number in range(MOST_LOGINS):
        logins.begin(f"user {number}", "Basic ghi")
    assert len(logins) == MOST_LOGINS
    assert taken(logins, scope_of(Cookie=f"headwater_8080={first}")) is None


def test_a_login_that_ended_is_gone(logins: Logins) -> None:
    value, login = logins.begin("ann", "Basic abc")
    logins.end(login)
    logins.end(login)
    scope = scope_of(Cookie=f"headwater_8080={value}")
    assert taken(logins, scope) is None
    assert "headwater.login" not in scope


def test_a_request_knows_its_login(logins: Logins) -> None:
    from starlette.requests import HTTPConnection

    value, login = logins.begin("ann", "Basic abc")
    scope = scope_of(Cookie=f"headwater_8080={value}")
    assert login_of(HTTPConnection(scope)) is None
    logins.take(scope)
    assert login_of(HTTPConnection(scope)) is login

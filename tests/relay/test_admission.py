"""Who may do what, asked without a word of RTSP."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from headwater.access.authenticator import Authenticator
from headwater.access.decision import Action, Challenge, Forbidden, Granted
from headwater.access.settings import AccessSettings, UserSettings
from headwater.hooks import Allowed, HookRequest, HookRunner, Hooks, Redirect, Refused
from headwater.relay.admission import Admission, Application
from headwater.side import Side

NOW_S = 100.0
ANN = "Basic " + b64encode(b"ann:secret").decode()
USERS = AccessSettings(
    users=(UserSettings(name="ann", password="secret", read=("/a",), look=("/b",)),)
)


def admission(settings: AccessSettings | None = None, **play_hooks: Any) -> Admission:
    hooks = {
        Side.PUBLISH: HookRunner(Hooks(), Side.PUBLISH),
        Side.PLAY: HookRunner(Hooks(**play_hooks), Side.PLAY),
    }
    return Admission(Authenticator(settings or AccessSettings()), hooks, lambda: NOW_S)


def application(
    path: str = "/a",
    action: Action = Action.PLAY,
    authorization: str | None = None,
    query: str = "",
) -> Application:
    headers = [] if authorization is None else [("Authorization", authorization)]
    uri = f"https://h{path}?{query}"
    request = HookRequest.of(
        method="GET",
        uri=uri,
        path=path,
        query=query,
        headers=headers,
        peer=("192.0.2.7", 5000),
        side=Side.PLAY,
        protocol="http",
    )
    return Application(action, request, authorization, uri)


@pytest.mark.parametrize(
    ("path", "action", "verdict"),
    [
        ("/a", Action.PLAY, Granted("ann")),
        ("/b", Action.PLAY, Forbidden("ann")),
        ("/b", Action.LOOK, Granted("ann")),
        ("/a", Action.LOOK, Forbidden("ann")),
        ("/a", Action.CONTROL, Forbidden("ann")),
        ("/a", Action.PUBLISH, Forbidden("ann")),
    ],
)
async def test_rights_by_what_is_to_be_done(path: str, action: Action, verdict: Any) -> None:
    assert await admission(USERS).decide(application(path, action, ANN)) == verdict


async def test_who_shows_nothing_is_asked() -> None:
    assert isinstance(await admission(USERS).decide(application()), Challenge)


async def test_without_users_anybody_plays_and_nobody_looks_or_controls() -> None:
    assert await admission().decide(application()) == Granted(None)
    for action in (Action.LOOK, Action.CONTROL):
        assert await admission().decide(application(action=action)) == Forbidden("anonymous")


@pytest.mark.parametrize(
    ("authorization", "query", "token"),
    [
        ("Bearer abc.def", "", "abc.def"),
        ("bearer abc", "token=other", "abc"),
        (None, "token=a%2Fb&x=1", "a/b"),
        (None, "token=one&token=two", "two"),
        (ANN, "", None),
        (None, "", None),
        ("Bearer", "", None),
    ],
)
async def test_a_token_reaches_the_hook_and_no_log(
    authorization: str | None, query: str, token: str | None
) -> None:
    seen: list[HookRequest] = []

    def authentication(_username: str, _password: str, request: HookRequest) -> bool:
        seen.append(request)
        return request.token == token

    verdict = await admission(authentication=authentication).decide(
        application(authorization=authorization, query=query)
    )
    assert isinstance(verdict, Granted)
    (request,) = seen
    assert (request.token, request.protocol, request.path) == (token, "http", "/a")
    assert token is None or token not in repr(request)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (True, Granted(None)),
        (Allowed(for_s=60), Granted(None, NOW_S + 60)),
        (False, Refused(403)),
        (451, Refused(451)),
        ("rtsp://elsewhere/a", Redirect("rtsp://elsewhere/a")),
    ],
)
async def test_what_the_owners_check_says(answer: object, verdict: Any) -> None:
    asked = admission(check_mount=lambda _request: answer)
    assert await asked.decide(application()) == verdict
    assert await asked.ask_again(application().request, None) == verdict


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_right_that_ends_before_it_begins_is_none(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"for_s is .*; it must be above 0"):
        Allowed(for_s=seconds)

"""Who may do what by the web: users, tokens, the owner's hooks and the brake of RTSP."""

from __future__ import annotations

import pytest
from http_peer import basic, fetch
from web_rig import WebFactory

from headwater import AccessSettings, HookRequest, Hooks, Redirect, UserSettings

USERS = {
    "access": AccessSettings(
        users=(
            UserSettings(name="ann", password="secret", read=("cams/*",)),
            UserSettings(name="bob", password="hidden", read=("other",)),
        ),
        address_failure_limit=3,
    )
}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "credentials_needed"),
        (basic("ann", "secret"), 200, None),
        (basic("ann", "wrong"), 401, "credentials_needed"),
        (basic("bob", "hidden"), 403, "forbidden"),
        ({"Authorization": "Bearer abc"}, 401, "credentials_needed"),
        ({"Authorization": "Basic !!!"}, 401, "credentials_needed"),
    ],
)
async def test_users(
    start_web: WebFactory, headers: dict[str, str], status: int, code: str | None
) -> None:
    web = await start_web(settings=USERS)
    answer = await fetch(web.port, "/cams/front/look", headers=headers)
    assert (answer.status, answer.problem.get("code")) == (status, code)
    if status == 401:
        assert "Basic" in " ".join(v for k, v in answer.headers if k == "www-authenticate")


async def test_the_brake_is_that_of_rtsp(start_web: WebFactory) -> None:
    web = await start_web(settings=USERS)
    for _ in range(3):
        await fetch(web.port, "/cams/front/look", headers=basic("eve", "guess"))
    answer = await fetch(web.port, "/cams/front/look", headers=basic("eve", "guess"))
    assert (answer.status, answer.problem["code"]) == (429, "throttled")
    assert int(answer.header("retry-after") or 0) > 0


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/front/look?token=let-me-in", {}),
        ("/front/look", {"Authorization": "Bearer let-me-in"}),
    ],
)
async def test_tokens_are_for_the_owners_hook(
    start_web: WebFactory, target: str, headers: dict[str, str]
) -> None:
    hooks = Hooks()
    seen: list[HookRequest] = []

    @hooks.check_mount
    def check(request: HookRequest) -> bool:
        seen.append(request)
        return request.token == "let-me-in"

    web = await start_web(play_hooks=hooks)
    assert (await fetch(web.port, target, headers=headers)).status == 200
    assert (await fetch(web.port, "/front/look")).status == 403
    assert (seen[0].protocol, seen[0].path, seen[0].method) == ("http", "/front", "GET")


@pytest.mark.parametrize(
    ("verdict", "status", "code"),
    [
        (404, 404, "refused"),
        (453, 403, "refused"),
        (Redirect("rtsp://other.example/front"), 404, "elsewhere"),
    ],
)
async def test_verdicts_of_the_owners_hook(
    start_web: WebFactory, verdict: int | Redirect, status: int, code: str
) -> None:
    hooks = Hooks()
    hooks.check_mount(lambda _request: verdict)
    web = await start_web(play_hooks=hooks)
    answer = await fetch(web.port, "/front/look")
    assert (answer.status, answer.problem["code"]) == (status, code)


async def test_a_hook_that_fails_lets_nobody_in(start_web: WebFactory) -> None:
    hooks = Hooks()

    @hooks.check_mount
    def check(_request: HookRequest) -> bool:
        raise RuntimeError("on purpose")

    web = await start_web(play_hooks=hooks)
    answer = await fetch(web.port, "/front/look")
    assert (answer.status, answer.problem["code"]) == (500, "check_failed")

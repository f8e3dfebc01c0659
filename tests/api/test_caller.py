"""Who may use the API: this machine until there is a user, then users, tokens and hooks."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from api_peer import ask, bearer, listed, publish_many
from http_peer import HttpPeer, basic
from web_rig import WebFactory, WebServer

from headwater import AccessSettings, HookRequest, Hooks, ServerSettings, UserSettings
from headwater.api.settings import ApiSettings, TokenSettings
from headwater.http.settings import HttpSettings

USERS = AccessSettings(
    users=(
        UserSettings(name="root", password="secret", look=("**",), control=("**",)),
        UserSettings(name="ann", password="secret", look=("cams/*",)),
        UserSettings(name="bob", password="secret", read=("**",)),
    )
)
TOKEN = "a-token-of-a-program-1"
HASHED = "a-token-of-a-program-2"
TOKENS = ApiSettings(
    tokens=(
        TokenSettings(name="scraper", token=TOKEN, look=("**",)),
        TokenSettings(
            name="cleaner",
            token=f"sha256${hashlib.sha256(HASHED.encode()).hexdigest()}",
            control=("cams/*",),
        ),
    )
)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"Forwarded": "for=10.0.0.1"},
        {"Origin": "https://evil.example"},
        {"Host": "[::"},
    ],
)
async def test_without_users_only_this_machine_itself(
    web: WebServer, headers: dict[str, str]
) -> None:
    assert (await ask(web, "/v1/server")).status == 200
    answer = await ask(web, "/v1/server", headers=headers)
    assert (answer.status, answer.problem["code"]) == (403, "this_machine_only")
    assert "access.users" in answer.problem["detail"]


async def test_a_stranger_by_a_trusted_proxy_is_no_local_program(start_web: WebFactory) -> None:
    settings = {"server": ServerSettings(publish_port=0, proxy_protocol_from=("127.0.0.1",))}
    web = await start_web(settings=settings)
    peer = await HttpPeer.connect(web.port)
    peer.write(b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n")
    assert (await peer.ask("/v1/server")).problem["code"] == "this_machine_only"
    await peer.close()


@pytest.mark.parametrize(
    ("headers", "address", "status"),
    [
        ({}, "/v1/server", 401),
        (basic("root", "wrong"), "/v1/server", 401),
        (basic("root", "secret"), "/v1/server", 200),
        (basic("ann", "secret"), "/v1/server", 403),
        (basic("ann", "secret"), "/v1/mounts/cams/a", 200),
        (basic("ann", "secret"), "/v1/mounts/other", 403),
        (basic("bob", "secret"), "/v1/mounts", 403),
    ],
)
async def test_users(
    start_web: WebFactory, headers: dict[str, str], address: str, status: int
) -> None:
    web = await start_web(settings={"access": USERS})
    publish_many(web, "/cams/a", "/other")
    answer = await ask(web, address, headers=headers)
    assert answer.status == status


async def test_lists_show_what_a_user_may_see(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": USERS})
    publish_many(web, "/cams/a", "/other")
    headers = basic("ann", "secret")
    for address in ("/v1/mounts", "/v1/sessions", "/v1/publishers"):
        items = await listed(web, address, headers=headers)
        assert [item["path"] for item in items] == ["/cams/a"], address
    other = next(s.id for s in web.server.sessions.values() if s.path == "/other")
    answer = await ask(web, f"/v1/sessions/{other}", headers=headers)
    assert (answer.status, answer.problem["code"]) == (404, "no_such_session")


async def test_the_brake_counts_guesses(start_web: WebFactory) -> None:
    access = AccessSettings(users=USERS.users, address_failure_limit=2)
    web = await start_web(settings={"access": access})
    for _ in range(2):
        await ask(web, "/v1/server", headers=basic("root", "guess"))
    answer = await ask(web, "/v1/server", headers=basic("root", "secret"))
    assert (answer.status, answer.problem["code"]) == (429, "throttled")


@pytest.mark.parametrize(
    ("token", "method", "address", "status"),
    [
        (TOKEN, "GET", "/v1/mounts", 200),
        (TOKEN, "DELETE", "/v1/mounts/cams/a", 403),
        (HASHED, "DELETE", "/v1/mounts/cams/a", 200),
        (HASHED, "DELETE", "/v1/mounts/other", 403),
        ("another-token-altogether", "GET", "/v1/mounts", 401),
    ],
)
async def test_tokens(
    start_web: WebFactory, token: str, method: str, address: str, status: int
) -> None:
    web = await start_web(settings={"api": TOKENS})
    publish_many(web, "/cams/a", "/other")
    answer = await ask(web, address, method=method, headers=bearer(token))
    assert answer.status == status
    assert (await ask(web, address, method=method)).status == 401


async def test_hooks_decide_only_where_the_owner_says_so(start_web: WebFactory) -> None:
    hooks = Hooks()
    seen: list[tuple[str, str]] = []

    @hooks.authentication
    def authenticate(_name: str, _password: str, request: HookRequest) -> bool:
        return request.token is not None

    @hooks.check_mount
    def check(request: HookRequest) -> bool:
        seen.append((request.action, request.path))
        return request.action == "look" and request.token == "yes"

    web = await start_web(play_hooks=hooks)
    assert (await ask(web, "/v1/server", headers={"Host": "x.example"})).status == 403
    assert seen == []
    web = await start_web(play_hooks=hooks, settings={"api": ApiSettings(ask_hooks=True)})
    publish_many(web, "/cams/a")
    assert (await ask(web, "/v1/mounts/cams/a", headers=bearer("yes"))).status == 200
    assert (await ask(web, "/v1/mounts", headers=bearer("yes"))).status == 200
    assert (await ask(web, "/v1/mounts/cams/a", headers=bearer("no"))).status == 403
    closing = await ask(web, "/v1/mounts/cams/a", method="DELETE", headers=bearer("yes"))
    assert closing.status == 403
    assert seen[:2] == [("look", "/cams/a"), ("look", "/")]
    assert seen[-1] == ("control", "/cams/a")


@pytest.mark.parametrize(
    ("allowed", "status"), [((), 403), (("*",), 403), (("https://mine.example",), 200)]
)
async def test_pages_of_other_sites_change_nothing(
    start_web: WebFactory, allowed: tuple[str, ...], status: int
) -> None:
    http = HttpSettings(port=0, allowed_origins=allowed)
    web = await start_web(http=http, settings={"access": USERS})
    publish_many(web, "/cams/a")
    headers = basic("root", "secret") | {"Origin": "https://mine.example"}
    answer = await ask(web, "/v1/mounts/cams/a", method="DELETE", headers=headers)
    assert answer.status == status


async def test_users_that_are_taken_away_may_no_more(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": USERS})
    headers = basic("root", "secret")
    assert (await ask(web, "/v1/server", headers=headers)).status == 200
    fewer = AccessSettings(users=USERS.users[1:])
    await web.server.apply(replace(web.server.settings, access=fewer))
    assert (await ask(web, "/v1/server", headers=headers)).status == 401

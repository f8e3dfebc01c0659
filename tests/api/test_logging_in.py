"""Logging in and out with a browser: users, rights and brake are those of RTSP."""

from __future__ import annotations

import ssl
from dataclasses import replace

import pytest
import websockets
from api_peer import ask, listed, publish_many
from http_peer import HttpAnswer
from inside import inside
from web_rig import WebFactory, WebServer

from headwater import AccessSettings, Hooks, UserSettings
from headwater.access.auth_method import AuthMethod
from headwater.api.settings import ApiSettings, TokenSettings
from headwater.http.settings import HttpSettings
from headwater.net.settings import TlsSettings

ROOT = UserSettings(name="root", password="secret", read=("**",), look=("**",), control=("**",))
ANN = UserSettings(name="ann", password="höher:1", read=("cams/*",), look=("cams/*",))
BOB = UserSettings(name="bob", password="hidden", read=("**",))
USERS = AccessSettings(users=(ROOT, ANN, BOB))
TOKEN = "a-token-of-a-program-1"
LOGIN = "/-/login"


async def log_in(web: WebServer, user: str, password: str, **more: object) -> HttpAnswer:
    return await ask(
        web, LOGIN, method="POST", json_body={"user": user, "password": password}, **more
    )


def by_cookie(answer: HttpAnswer, *, csrf: bool = True) -> dict[str, str]:
    """Return the headers of a page that has logged in."""
    cookie = (answer.header("set-cookie") or "").partition(";")[0]
    return {"Cookie": cookie} | ({"X-Headwater-CSRF": answer.problem["csrf"]} if csrf else {})


async def test_a_login_lasts_until_it_is_ended(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": USERS})
    publish_many(web, "/cams/a", "/other")
    before = (await ask(web, LOGIN)).problem
    assert (before["user"], before["let_in"], before["can_log_in"]) == (None, False, True)
    answer = await log_in(web, "root", "secret")
    assert answer.status == 200
    told = answer.header("set-cookie") or ""
    assert "HttpOnly" in told
    assert "SameSite=lax" in told
    assert "Secure" not in told
    assert "secret" not in told
    headers = by_cookie(answer)
    assert len(await listed(web, "/v1/mounts", headers=headers)) == 2
    now = (await ask(web, LOGIN, headers=headers)).problem
    assert (now["user"], now["let_in"], now["rights"]["control"]) == ("root", True, ["**"])
    out = await ask(web, LOGIN, method="DELETE", headers=headers)
    assert out.status == 204
    assert "Max-Age=0" in (out.header("set-cookie") or "")
    assert (await ask(web, "/v1/mounts", headers=headers)).status == 401


async def test_the_cookie_of_a_secure_page_is_secure(
    start_web: WebFactory, certificate: TlsSettings
) -> None:
    web = await start_web(settings={"access": USERS, "tls": certificate})
    context = ssl.create_default_context(cafile=certificate.certificate)
    answer = await log_in(web, "root", "secret", context=context)
    assert "Secure" in (answer.header("set-cookie") or "")


async def test_rights_are_those_of_the_user(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": USERS})
    publish_many(web, "/cams/a", "/other")
    answer = await log_in(web, "ann", "höher:1")
    headers = by_cookie(answer)
    rights = {"look": ["cams/*"], "control": [], "play": ["cams/*"]}
    assert answer.problem["rights"] == rights
    items = await listed(web, "/v1/mounts", headers=headers)
    assert [item["path"] for item in items] == ["/cams/a"]
    closing = await ask(web, "/v1/mounts/cams/a", method="DELETE", headers=headers)
    assert (closing.status, closing.problem["code"]) == (403, "forbidden")
    page = await ask(web, "/cams/a", headers=headers | {"Accept": "text/html"})
    assert page.status == 200
    assert (await ask(web, "/other", headers=headers | {"Accept": "text/html"})).status == 403


async def test_who_may_not_look_is_told_so(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": USERS})
    told = (await log_in(web, "bob", "hidden")).problem
    assert (told["user"], told["let_in"]) == ("bob", False)
    assert "may not look" in told["detail"]


async def test_what_changes_something_needs_the_token_of_the_page(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": USERS})
    publish_many(web, "/cams/a")
    answer = await log_in(web, "root", "secret")
    bare = by_cookie(answer, csrf=False)
    for headers in (bare, bare | {"X-Headwater-CSRF": "guess"}):
        refused = await ask(web, "/v1/mounts/cams/a", method="DELETE", headers=headers)
        assert (refused.status, refused.problem["code"]) == (403, "csrf")
        assert (await ask(web, LOGIN, method="DELETE", headers=headers)).status == 403
    foreign = by_cookie(answer) | {"Origin": "https://evil.example"}
    refused = await ask(web, "/v1/mounts/cams/a", method="DELETE", headers=foreign)
    assert (refused.status, refused.problem["code"]) == (403, "foreign_origin")
    assert list(web.server.mounts) == ["/cams/a"]
    done = await ask(web, "/v1/mounts/cams/a", method="DELETE", headers=by_cookie(answer))
    assert done.status == 200


async def test_a_websocket_of_another_site_is_nobodys(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": USERS})
    headers = by_cookie(await log_in(web, "root", "secret"), csrf=False)
    address = f"ws://localhost:{web.port}/v1/events"
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(address, additional_headers=headers)
    assert refused.value.response.status_code == 403
    own = websockets.Origin(f"http://localhost:{web.port}")
    async with websockets.connect(address, additional_headers=headers, origin=own) as socket:
        publish_many(web, "/a")
        assert "/a" in str(await socket.recv())
        inside(web.server).web.door.logins.end(*inside(web.server).web.door.logins)
        publish_many(web, "/b")
        rest = [str(message) async for message in socket]
        assert not any("/b" in message for message in rest)


async def test_guesses_are_braked(start_web: WebFactory) -> None:
    access = AccessSettings(users=USERS.users, address_failure_limit=2)
    web = await start_web(settings={"access": access})
    for _ in range(2):
        assert (await log_in(web, "root", "guess")).status == 401
    answer = await log_in(web, "root", "secret")
    assert (answer.status, answer.problem["code"]) == (429, "throttled")


async def test_a_password_that_was_changed_ends_the_login_at_once(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": USERS})
    headers = by_cookie(await log_in(web, "root", "secret"))
    changed = AccessSettings(users=(replace(ROOT, password="another"),))
    await web.server.apply(replace(web.server.settings, access=changed))
    assert (await ask(web, "/v1/mounts", headers=headers)).status == 401
    logins = inside(web.server).web.door.logins
    assert len(logins) == 0
    failures = inside(web.server).relay.admission.authenticator.counters.refused
    assert (await ask(web, "/v1/mounts", headers=headers)).status == 401
    # It was no guess a second time.
    assert inside(web.server).relay.admission.authenticator.counters.refused == failures


async def test_pages_get_no_window_of_the_browser(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": USERS})
    assert (await ask(web, "/v1/mounts")).header("www-authenticate")
    asked = await ask(web, "/v1/mounts", headers={"X-Headwater-CSRF": ""})
    assert asked.status == 401
    assert asked.header("www-authenticate") is None


async def test_a_token_logs_in_without_a_name(start_web: WebFactory) -> None:
    token = TokenSettings(name="wall", token=TOKEN, look=("**",))
    web = await start_web(settings={"api": ApiSettings(tokens=(token,))})
    answer = await log_in(web, "", TOKEN)
    assert (answer.problem["user"], answer.problem["rights"]["control"]) == ("wall", [])
    assert (await ask(web, "/v1/mounts", headers=by_cookie(answer))).status == 200
    assert (await log_in(web, "", "another-token-altogether")).status == 401
    assert (await log_in(web, "", "…")).status == 401


async def test_hooks_say_who_logs_in(start_web: WebFactory) -> None:
    hooks = Hooks()

    @hooks.authentication
    def authenticate(name: str, password: str) -> bool:
        return (name, password) == ("eve", "own")

    web = await start_web(play_hooks=hooks, settings={"api": ApiSettings(ask_hooks=True)})
    assert (await log_in(web, "eve", "guess")).status == 401
    answer = await log_in(web, "eve", "own")
    assert answer.problem["user"] == "eve"
    assert (await ask(web, "/v1/server", headers=by_cookie(answer))).status == 200


async def test_without_users_this_machine_is_let_in_and_nobody_logs_in(web: WebServer) -> None:
    told = (await ask(web, LOGIN)).problem
    assert (told["let_in"], told["can_log_in"], told["rights"]["control"]) == (True, False, ["**"])
    stranger = (await ask(web, LOGIN, headers={"X-Forwarded-For": "192.0.2.1"})).problem
    assert not stranger["let_in"]
    assert "this machine alone" in stranger["detail"]
    assert (await log_in(web, "root", "secret")).status == 401


async def test_a_server_that_takes_no_plain_passwords_says_so(start_web: WebFactory) -> None:
    access = AccessSettings(users=(ROOT,), methods=(AuthMethod.DIGEST_SHA256,))
    web = await start_web(settings={"access": access})
    answer = await log_in(web, "root", "secret")
    assert (answer.status, answer.problem["code"]) == (403, "no_plain_passwords")
    assert "access.methods" in answer.problem["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{}", 422),
        (b'{"user": 1, "password": "x"}', 422),
        (b'{"user": "a", "password": "b", "more": 1}', 422),
        (b"user=a&password=b", 400),
        (b" " * 200_000, 413),
    ],
)
async def test_bodies_that_are_no_login(start_web: WebFactory, body: bytes, status: int) -> None:
    web = await start_web(settings={"access": USERS})
    assert (await ask(web, LOGIN, method="POST", body=body)).status == status


async def test_a_form_of_another_site_logs_nobody_in(start_web: WebFactory) -> None:
    web = await start_web(http=HttpSettings(port=0), settings={"access": USERS})
    headers = {"Origin": "https://evil.example"}
    answer = await log_in(web, "root", "secret", headers=headers)
    assert (answer.status, answer.problem["code"]) == (403, "foreign_origin")


async def test_the_player_is_told_what_its_offer_needs(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": USERS})
    publish_many(web, "/cams/a")
    headers = by_cookie(await log_in(web, "ann", "höher:1"))
    cookie = {"Cookie": headers["Cookie"]}
    about = (await ask(web, "/cams/a/about", headers=cookie)).problem
    assert about["csrf"] == headers["X-Headwater-CSRF"]
    sdp = {"Content-Type": "application/sdp"}

    async def offer(headers: dict[str, str]) -> HttpAnswer:
        return await ask(web, "/cams/a/whep", method="POST", body=b"v=0", headers=headers | sdp)

    refused = await offer(cookie)
    assert (refused.status, refused.problem["code"]) == (403, "csrf")
    assert (await offer(headers)).problem["code"] != "csrf"

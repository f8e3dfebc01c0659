"""Signed tokens and the owner's web server decide about RTSP, browsers and the API alike."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from api_peer import ask, bearer, publish_many
from http_peer import HttpPeer, basic
from inside import inside
from owner_web import Asked, OwnerWeb, answer_of
from rtsp_peer import SDP_VIDEO, RtspPeer, TcpPublisher
from server_rig import LoopClock
from token_maker import key_set, token
from waiting import holds
from web_rig import WebFactory, WebServer

from headwater import (
    AccessSettings,
    HookRequest,
    Hooks,
    MountSettings,
    RtspServer,
    Settings,
    Side,
    UserSettings,
)
from headwater.access.outside_settings import AskSettings, JwtSettings, WhenDown
from headwater.api.settings import ApiSettings


@pytest.fixture
def by_token(tmp_path: Path) -> AccessSettings:
    """Tokens that are signed with the key `one`."""
    file = tmp_path / "keys.json"
    file.write_bytes(key_set("one"))
    return AccessSettings(jwt=JwtSettings(key_file=str(file)))


PATIENT = MountSettings(publisher_idle_timeout_s=0)


@pytest.mark.parametrize("path", ["gone", "a\0b", "."])
@pytest.mark.parametrize("key", ["key_file", "secret_file"])
async def test_a_key_that_cannot_be_read_refuses_the_start(
    tmp_path: Path, key: str, path: str
) -> None:
    name = str(tmp_path / path)
    jwt = JwtSettings(key_file=name) if key == "key_file" else JwtSettings(secret_file=name)
    server = RtspServer(settings=Settings(access=AccessSettings(jwt=jwt)))
    with pytest.raises(ValueError, match=rf"access\.jwt\.{key} cannot be used: \w+"):
        await server.start()


async def describe(server: RtspServer, path: str, headers: dict[str, str] | None = None) -> int:
    peer = await RtspPeer.connect(server.play_port)
    try:
        return (await peer.ask("DESCRIBE", server.play_url(path), headers)).status
    finally:
        await peer.close()


async def announce(server: RtspServer, path: str, headers: dict[str, str]) -> int:
    peer = await RtspPeer.connect(server.publish_port)
    sdp = {"Content-Type": "application/sdp", **headers}
    return (await peer.ask("ANNOUNCE", server.publish_url(path), sdp, SDP_VIDEO)).status


# -- signed tokens


@pytest.mark.parametrize("way", ["password", "query", "bearer"])
async def test_a_token_over_rtsp(start_web: WebFactory, by_token: AccessSettings, way: str) -> None:
    web = await start_web(settings={"access": by_token})
    publish_many(web, "/cams/a", "/other")

    async def play(path: str, shown: str) -> int:
        match way:
            case "password":
                return await describe(web.server, path, basic("anybody", shown))
            case "query":
                peer = await RtspPeer.connect(web.server.play_port)
                url = f"{web.server.play_url(path)}?token={shown}"
                return (await peer.ask("DESCRIBE", url)).status
            case _:
                return await describe(web.server, path, bearer(shown))

    good = token(paths={"cams/*": ["play"]})
    assert await play("/cams/a", good) == 200
    assert await play("/other", good) == 403
    assert await play("/cams/a", token("two")) == 401
    assert await play("/cams/a", token(for_s=-60)) == 401


async def test_tokens_publish_too_and_who_shows_none_is_asked(
    start_web: WebFactory, by_token: AccessSettings
) -> None:
    web = await start_web(settings={"access": by_token})
    shown = token(paths={"studio": ["publish"]})
    assert await announce(web.server, "/studio", basic("x", shown)) == 200
    assert await announce(web.server, "/other", basic("x", shown)) == 403
    peer = await RtspPeer.connect(web.server.play_port)
    answer = await peer.ask("DESCRIBE", web.server.play_url("/studio"))
    # Players can send a token as a password only where Basic alone is offered.
    assert (answer.status, answer.header("WWW-Authenticate")) == (401, 'Basic realm="headwater"')
    assert await describe(web.server, "/studio", basic("ann", "secret")) == 401


async def test_a_token_that_ends_ends_its_session(
    start_web: WebFactory, by_token: AccessSettings, clock: LoopClock
) -> None:
    web = await start_web(settings={"access": by_token, "mounts": PATIENT})
    publish_many(web, "/a")
    headers = basic("x", token(for_s=100))
    peer = await RtspPeer.connect(web.server.play_port)
    url = web.server.play_url("/a")
    assert (await peer.ask("DESCRIBE", url, headers)).status == 200
    transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
    setup = await peer.ask("SETUP", f"{url}/trackID=0", headers | transport)
    session = {"Session": setup.session}
    assert (await peer.ask("PLAY", url, headers | session)).status == 200
    clock.advance(120)  # the leeway counts
    await peer.send(peer.request("GET_PARAMETER", url, session))
    assert (await peer.answer()).status == 200
    clock.advance(20)
    await peer.closed()
    assert web.server.counters.sessions_closed_by_cause == {"token expired": 1}


async def test_the_owners_check_comes_behind_a_token(
    start_web: WebFactory, by_token: AccessSettings
) -> None:
    seen: list[HookRequest] = []

    def check_mount(request: HookRequest) -> bool:
        seen.append(request)
        return request.path == "/a"

    web = await start_web(settings={"access": by_token}, play_hooks=Hooks(check_mount=check_mount))
    publish_many(web, "/a", "/b")
    shown = bearer(token())
    assert await describe(web.server, "/a", shown) == 200
    assert await describe(web.server, "/b", shown) == 403
    assert await describe(web.server, "/a", bearer(token("two"))) == 401
    assert len(seen) == 2


async def test_users_and_anonymous_paths_go_on_beside_tokens(
    start_web: WebFactory, by_token: AccessSettings
) -> None:
    access = replace(
        by_token,
        users=(UserSettings(name="bob", password="secret", read=("**",)),),
        anonymous_read=("public/*",),
    )
    web = await start_web(settings={"access": access})
    publish_many(web, "/a", "/public/a")
    assert await describe(web.server, "/a", basic("bob", "secret")) == 200
    assert await describe(web.server, "/a", bearer(token())) == 200
    assert await describe(web.server, "/a") == 401
    assert await describe(web.server, "/public/a") == 200
    assert await describe(web.server, "/public/a", bearer(token("two"))) == 200


async def test_a_key_set_that_rotates(start_web: WebFactory, clock: LoopClock) -> None:
    async with OwnerWeb(lambda _: answer_of(200, key_set("one"))) as owner:
        access = AccessSettings(jwt=JwtSettings(jwks_url=owner.url))
        web = await start_web(settings={"access": access, "mounts": PATIENT})
        publish_many(web, "/a")
        assert await describe(web.server, "/a", bearer(token("one"))) == 200
        owner.answer = lambda _: answer_of(200, key_set("two"))
        clock.advance(11)
        assert await describe(web.server, "/a", bearer(token("two"))) == 200
        assert await describe(web.server, "/a", bearer(token("one"))) == 401
        await owner.go_away()
        clock.advance(11)
        assert await describe(web.server, "/a", bearer(token("two"))) == 200
        assert await describe(web.server, "/a", bearer(token("three"))) == 503
        assert len(owner.asked) == 2


async def test_tokens_are_turned_on_and_off_while_the_server_runs(
    start_web: WebFactory, by_token: AccessSettings
) -> None:
    web = await start_web()
    publish_many(web, "/a")
    assert await describe(web.server, "/a") == 200
    await web.server.apply(replace(web.server.settings, access=by_token))
    assert await describe(web.server, "/a") == 401
    assert await describe(web.server, "/a", bearer(token())) == 200
    await web.server.apply(replace(web.server.settings, access=AccessSettings()))
    assert await describe(web.server, "/a") == 200


async def test_a_file_that_cannot_be_used_is_told(
    start_web: WebFactory, by_token: AccessSettings, tmp_path: Path
) -> None:
    bad = AccessSettings(jwt=JwtSettings(key_file=str(tmp_path / "none.pem")))
    with pytest.raises(ValueError, match=r"access\.jwt\.key_file"):
        await start_web(settings={"access": bad})
    web = await start_web(settings={"access": by_token})
    publish_many(web, "/a")
    with pytest.raises(ValueError, match=r"access\.jwt\.key_file"):
        await web.server.apply(replace(web.server.settings, access=bad))
    assert await describe(web.server, "/a", bearer(token())) == 200


# -- the API


async def test_the_api_with_tokens_answers_nobody_without_one(
    start_web: WebFactory, by_token: AccessSettings
) -> None:
    web = await start_web(settings={"access": by_token})
    publish_many(web, "/cams/a", "/other")
    look = bearer(token(paths={"cams/*": ["look"]}))
    everything = bearer(token(paths={"**": ["look", "control"]}))
    for headers, method, address, status in (
        ({}, "GET", "/v1/server", 401),
        ({}, "GET", "/metrics", 401),
        (bearer(token("two")), "GET", "/v1/mounts", 401),
        (bearer(token()), "GET", "/v1/mounts", 403),
        (look, "GET", "/v1/mounts", 200),
        (look, "GET", "/v1/server", 403),
        (look, "GET", "/v1/mounts/other", 403),
        (look, "DELETE", "/v1/mounts/cams/a", 403),
        (everything, "GET", "/metrics", 200),
        (everything, "DELETE", "/v1/mounts/cams/a", 200),
    ):
        answer = await ask(web, address, method=method, headers=headers)
        assert answer.status == status, (headers, method, address, answer.body)
    listed = await ask(web, "/v1/mounts", headers=look)
    assert listed.problem["total"] == 0
    # A token in a URL would be in logs.
    address = f"/v1/mounts?token={token(paths={'**': ['look']})}"
    assert (await ask(web, address)).status == 401


async def test_an_event_stream_ends_with_its_token(
    start_web: WebFactory, by_token: AccessSettings, clock: LoopClock
) -> None:
    web = await start_web(settings={"access": by_token})
    peer = await HttpPeer.connect(web.port)
    headers = bearer(token(paths={"**": ["look"]}, for_s=100))
    assert (await peer.ask("/v1/events", headers=headers)).status == 200
    clock.advance(140)
    assert (await peer.rest()).endswith(b"0\r\n\r\n")
    await peer.close()


@pytest.mark.parametrize("ask_hooks", [False, True])
async def test_the_api_with_the_owners_server(start_web: WebFactory, ask_hooks: bool) -> None:
    """Else it answers to this machine alone: who may play is no answer to who may control."""
    async with OwnerWeb() as owner:
        settings = {
            "access": AccessSettings(ask=AskSettings(url=owner.url)),
            "api": ApiSettings(ask_hooks=ask_hooks),
        }
        web = await start_web(settings=settings)
        here = await ask(web, "/v1/server")
        elsewhere = await ask(web, "/v1/server", headers={"Host": "server.example"})
        assert here.status == 200
        assert elsewhere.status == (200 if ask_hooks else 403)
        assert len(owner.asked) == (1 if ask_hooks else 0)
        if ask_hooks:
            assert owner.asked[0].json["action"] == "look"


# -- the owner's server


class Gate:
    """Lets in who has the right password."""

    def __init__(self) -> None:
        self.body = b"{}"

    def __call__(self, asked: Asked) -> bytes:
        told = asked.json
        if told["path"] == "/closed":
            return answer_of(403)
        right = told["password"] == "secret" or told["token"] == "secret"
        return answer_of(200, self.body) if right else answer_of(401)


async def asking(start_web: WebFactory, owner: OwnerWeb, **settings: Any) -> WebServer:
    ask_settings = AskSettings(url=owner.url, **{"timeout_s": 20.0, **settings})
    access = AccessSettings(ask=ask_settings)
    web = await start_web(settings={"access": access, "mounts": PATIENT})
    publish_many(web, "/a", "/b", "/closed")
    return web


async def test_the_owners_server_is_told_who_wants_what(start_web: WebFactory) -> None:
    async with OwnerWeb(Gate()) as owner:
        web = await asking(start_web, owner, token="of-the-server")
        headers = {**basic("ann", "secret"), "User-Agent": "player/1"}
        peer = await RtspPeer.connect(web.server.play_port)
        url = f"{web.server.play_url('/a')}?x=1"
        assert (await peer.ask("DESCRIBE", url, headers)).status == 200
        (asked,) = owner.asked
        assert asked.headers["authorization"] == "Bearer of-the-server"
        assert asked.json == {
            "user": "ann",
            "password": "secret",
            "token": "",
            "action": "play",
            "path": "/a",
            "protocol": "rtsp",
            "address": "127.0.0.1",
            "query": "x=1",
            "user_agent": "player/1",
        }


async def test_its_answers(start_web: WebFactory) -> None:
    async with OwnerWeb(Gate()) as owner:
        web = await asking(start_web, owner)
        assert await describe(web.server, "/a") == 401
        assert await describe(web.server, "/a", basic("ann", "wrong")) == 401
        assert await describe(web.server, "/a", basic("ann", "secret")) == 200
        assert await describe(web.server, "/a", bearer("secret")) == 200
        assert await describe(web.server, "/closed", basic("ann", "secret")) == 403
        assert await announce(web.server, "/new", basic("ann", "secret")) == 200
        assert (await ask(web, "/a/look", headers=basic("ann", "secret"))).status == 200
        assert (await ask(web, "/b/look")).status == 401
        actions = {asked.json["action"] for asked in owner.asked}
        assert actions == {"play", "publish"}


async def test_a_crowd_is_asked_about_once_and_an_answer_holds_for_a_while(
    start_web: WebFactory, clock: LoopClock
) -> None:
    async with OwnerWeb(Gate()) as owner:
        web = await asking(start_web, owner)
        shown = basic("ann", "secret")
        found = await asyncio.gather(*(describe(web.server, "/a", shown) for _ in range(100)))
        assert found == [200] * 100
        assert len(owner.asked) == 1
        clock.advance(11)
        assert await describe(web.server, "/a", shown) == 200
        assert len(owner.asked) == 2


async def test_different_questions_are_asked_a_few_at_a_time(start_web: WebFactory) -> None:
    goes_on = asyncio.Event()

    async def slow(_: Asked) -> bytes:
        await goes_on.wait()
        return answer_of(200)

    async with OwnerWeb(slow) as owner:
        web = await asking(start_web, owner, at_once=3, timeout_s=20)
        crowd = [
            asyncio.create_task(describe(web.server, "/a", basic(f"user{n}", "secret")))
            for n in range(20)
        ]
        await owner.until_asked(3)
        goes_on.set()
        assert await asyncio.gather(*crowd) == [200] * 20
        assert owner.most_open == 3


@pytest.mark.parametrize("how", ["gone", "slow", "error", "breaks", "nonsense", "moved", "huge"])
@pytest.mark.parametrize("when_down", list(WhenDown))
async def test_while_it_is_down(start_web: WebFactory, how: str, when_down: WhenDown) -> None:
    async def slow(_: Asked) -> bytes:
        await asyncio.sleep(30)
        return b""

    answers: dict[str, Any] = {
        "gone": lambda _: b"",
        "slow": slow,
        "error": lambda _: answer_of(500),
        "breaks": lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
        "nonsense": lambda _: b"\x00\x01\x02\r\n\r\n",
        "moved": lambda _: answer_of(302, headers="Location: http://127.0.0.1:1/\r\n"),
        "huge": lambda _: answer_of(200, b"x" * 100_000),
    }
    async with OwnerWeb(answers[how]) as owner:
        web = await asking(start_web, owner, when_down=when_down, timeout_s=0.3)
        if how == "gone":
            await owner.go_away()
        if how == "breaks":
            whole = owner.answer

            def breaks(asked: Asked) -> bytes:
                asyncio.get_running_loop().call_soon(owner.break_off)
                answer = whole(asked)
                assert isinstance(answer, bytes)
                return answer

            owner.answer = breaks
        allowed = when_down is WhenDown.ALLOW
        shown = basic("ann", "secret")
        assert await describe(web.server, "/a", shown) == (200 if allowed else 503)
        answer = await ask(web, "/a/look", headers=shown)
        assert answer.status == (200 if allowed else 503)
        if not allowed:
            assert answer.problem["code"] == "check_failed"


async def test_the_api_is_never_open_because_the_owners_server_is_down(
    start_web: WebFactory,
) -> None:
    async with OwnerWeb(lambda _: b"") as owner:
        settings = {
            "access": AccessSettings(
                ask=AskSettings(url=owner.url, when_down=WhenDown.ALLOW, timeout_s=0.5)
            ),
            "api": ApiSettings(ask_hooks=True),
        }
        web = await start_web(settings=settings)
        assert (await ask(web, "/v1/server")).status == 503


async def test_whoever_is_let_in_for_a_while_is_asked_about_again(
    start_web: WebFactory, clock: LoopClock
) -> None:
    gate = Gate()
    gate.body = b'{"for_s": 60, "user": "Ann"}'
    async with OwnerWeb(gate) as owner:
        web = await asking(start_web, owner, timeout_s=300)
        peer = await RtspPeer.connect(web.server.play_port)
        url, headers = web.server.play_url("/a"), basic("ann", "secret")
        assert (await peer.ask("DESCRIBE", url, headers)).status == 200
        transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        setup = await peer.ask("SETUP", f"{url}/trackID=0", headers | transport)
        play = await peer.ask("PLAY", url, headers | {"Session": setup.session})
        assert play.status == 200
        assert {each.username for each in web.server.sessions.values()} == {None, "Ann"}
        (end,) = (e for e in inside(web.server).relay.ends if e.side is Side.PLAY)
        before = end.grant
        clock.advance(61)
        await holds(lambda: end.grant is not before)
        assert owner.asked[1].json["password"] == "secret"
        owner.answer = lambda _: answer_of(403)
        clock.advance(61)
        await peer.closed()
        assert web.server.counters.sessions_closed_by_cause == {"grant ended": 1}


async def test_guesses_count(start_web: WebFactory) -> None:
    async with OwnerWeb(Gate()) as owner:
        access = AccessSettings(ask=AskSettings(url=owner.url), address_failure_limit=3)
        web = await start_web(settings={"access": access})
        publish_many(web, "/a")
        for number in range(3):
            assert await describe(web.server, "/a", basic("ann", f"guess{number}")) == 401
        assert await describe(web.server, "/a", basic("ann", "another")) == 503
        assert len(owner.asked) == 3


async def test_media_goes_on_while_nobody_can_be_asked(start_web: WebFactory) -> None:
    """A session that is there needs no answer."""
    async with OwnerWeb() as owner:
        web = await asking(start_web, owner)
        publisher = await TcpPublisher.start(
            web.server.publish_port, web.server.publish_url("/live")
        )
        peer = await RtspPeer.connect(web.server.play_port)
        url = web.server.play_url("/live")
        assert (await peer.ask("DESCRIBE", url)).status == 200
        transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        setup = await peer.ask("SETUP", f"{url}/trackID=0", transport)
        assert (await peer.ask("PLAY", url, {"Session": setup.session})).status == 200
        await owner.go_away()
        (sent,) = await publisher.send()
        assert (await peer.frame())[1][12:] == sent[12:]


def test_settings_that_cannot_be() -> None:
    for made in (
        lambda: JwtSettings(jwks_url="ftp://x"),
        lambda: JwtSettings(jwks_url="https://x", key_file="y"),
        lambda: JwtSettings(jwks_url="https://x", algorithms=("HS256",)),  # type: ignore[arg-type]
        lambda: JwtSettings(secret_file="x", algorithms=("RS256",)),  # type: ignore[arg-type]
        lambda: JwtSettings(jwks_url="https://x", algorithms=("none",)),  # type: ignore[arg-type]
        lambda: JwtSettings(leeway_s=-1),
        lambda: JwtSettings(pause_s=0),
        lambda: JwtSettings(paths_claim=""),
        lambda: AskSettings(url="x"),
        lambda: AskSettings(timeout_s=0),
        lambda: AskSettings(remember_s=-1),
        lambda: AskSettings(at_once=0),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - the words are each setting's own
            made()
    assert "hush" not in repr(Settings(access=AccessSettings(ask=AskSettings(token="hush"))))


async def test_a_page_logs_in_with_a_token(start_web: WebFactory, by_token: AccessSettings) -> None:
    web = await start_web(settings={"access": by_token})
    publish_many(web, "/cams/a", "/other")
    shown = token(paths={"cams/*": ["look", "play"]}, for_s=100)
    login = await ask(web, "/-/login", method="POST", json_body={"user": "", "password": shown})
    assert (login.status, login.problem["user"]) == (200, "ann")
    cookie = {"Cookie": (login.header("set-cookie") or "").partition(";")[0]}
    assert (await ask(web, "/v1/mounts", headers=cookie)).problem["total"] == 1
    bad = {"password": token("two")}
    assert (await ask(web, "/-/login", method="POST", json_body=bad)).status == 401

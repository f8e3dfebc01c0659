"""What the API does: mounts closed, peers sent away, files read again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from api_peer import ask, listed, play, publish, publish_many
from http_peer import basic
from rtsp_peer import SDP_VIDEO, RtspPeer
from web_rig import WebFactory, WebServer

from headwater import AccessSettings, UserSettings
from headwater.access.auth_method import AuthMethod
from headwater.config.applied import Applied


async def test_a_mount_is_closed(web: WebServer) -> None:
    publisher = await publish(web, "/front")
    answer = await ask(web, "/v1/mounts/front", method="DELETE")
    assert (answer.status, answer.problem) == (200, {"closed": 1})
    await publisher.peer.closed()
    assert web.server.mounts == {}
    again = await ask(web, "/v1/mounts/front", method="DELETE")
    assert (again.status, again.problem["code"]) == (404, "no_such_mount")


async def test_a_reader_is_sent_away(web: WebServer) -> None:
    await publish(web, "/front")
    reader = await play(web, "/front")
    [session] = await listed(web, "/v1/sessions?role=play")
    assert (await ask(web, f"/v1/sessions/{session['id']}", method="DELETE")).status == 200
    await reader.peer.closed()
    assert [each["role"] for each in await listed(web, "/v1/sessions")] == ["publish"]


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ({"path": "/a"}, ["/b", "/c"]),
        ({"path": "**"}, []),
        ({"address": "127.0.0.1"}, ["/b", "/c"]),
        ({"path": "**", "kind": "python"}, ["/a"]),
        ({"path": "**", "role": "play"}, ["/a", "/b", "/c"]),
        ({"user": "nobody"}, ["/a", "/b", "/c"]),
    ],
)
async def test_many_are_sent_away(web: WebServer, wanted: object, left: list[str]) -> None:
    await publish(web, "/a")
    publish_many(web, "/b", "/c")
    answer = await ask(web, "/v1/sessions/close", method="POST", json_body=wanted)
    assert (answer.status, answer.problem["closed"]) == (200, 3 - len(left))
    assert sorted(each["path"] for each in await listed(web, "/v1/sessions")) == left


async def test_all_of_one_user_are_sent_away(start_web: WebFactory) -> None:
    users = [
        UserSettings(name=name, password="secret", publish=("**",), look=("**",), control=("**",))
        for name in ("ann", "bob")
    ]
    access = AccessSettings(users=tuple(users), methods=(AuthMethod.BASIC,))
    web = await start_web(settings={"access": access})
    peers = {}
    for name, path in (("ann", "/a"), ("bob", "/b"), ("ann", "/c")):
        peers[path] = await RtspPeer.connect(web.server.publish_port)
        headers = {"Content-Type": "application/sdp", **basic(name, "secret")}
        url = web.server.publish_url(path)
        assert (await peers[path].ask("ANNOUNCE", url, headers, SDP_VIDEO)).status == 200
    by_bob = {"headers": basic("bob", "secret")}
    anns = await listed(web, "/v1/sessions?user=ann", **by_bob)
    assert {each["path"] for each in anns} == {"/a", "/c"}
    wanted = {"user": "ann"}
    answer = await ask(web, "/v1/sessions/close", method="POST", json_body=wanted, **by_bob)
    assert (answer.status, answer.problem["closed"]) == (200, 2)
    await peers["/a"].closed()
    await peers["/c"].closed()
    assert [each["path"] for each in await listed(web, "/v1/sessions", **by_bob)] == ["/b"]
    RtspPeer.forget_all()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{}", 422, "invalid"),
        (b'{"role": "play"}', 422, "invalid"),
        (b'{"path": "/a", "more": 1}', 422, "invalid"),
        (b'{"path": 5}', 422, "invalid"),
        (b'{"path": "../x"}', 422, "invalid"),
        (b"[]", 422, "invalid"),
        (b"{", 400, "unreadable"),
        (b'{"path": "/a", "path": "/b"}', 400, "unreadable"),
        (b'{"path": NaN}', 400, "unreadable"),
        (b"\xff\xfe", 400, "unreadable"),
        (b"[" * 100_000, 400, "too_deep"),
        (b'"' + b"[" * 100 + b'"', 422, "invalid"),
        (b" " * 200_000, 413, "limit"),
    ],
)
async def test_bodies_that_are_refused(web: WebServer, body: bytes, status: int, code: str) -> None:
    publish_many(web, "/a")
    answer = await ask(web, "/v1/sessions/close", method="POST", body=body)
    assert (answer.status, answer.problem["code"]) == (status, code)
    assert list(web.server.mounts) == ["/a"]


async def test_a_body_of_another_type(web: WebServer) -> None:
    answer = await ask(
        web,
        "/v1/sessions/close",
        method="POST",
        body=b"path=/a",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (answer.status, answer.problem["code"]) == (415, "media_type")


async def test_certificates_are_read_again(web: WebServer) -> None:
    assert (await ask(web, "/v1/certificates/reload", method="POST")).status == 204


async def test_settings_are_read_again_where_there_is_a_file(web: WebServer) -> None:
    answer = await ask(web, "/v1/settings/reload", method="POST")
    assert (answer.status, answer.problem["code"]) == (501, "no_configuration")
    settings = web.server.settings

    async def reload() -> Applied:
        return await web.server.apply(
            replace(settings, mounts=replace(settings.mounts, grace_s=77.0))
        )

    await web.server.open_status_socket("", on_reload=reload)
    answer = await ask(web, "/v1/settings/reload", method="POST")
    assert answer.status == 200
    assert "77" in " ".join(answer.problem["changes"])


async def test_settings_that_cannot_be_applied(web: WebServer) -> None:
    async def reload() -> Applied:
        raise ValueError("line 3: no such key")

    await web.server.open_status_socket("", on_reload=reload)
    answer = await ask(web, "/v1/settings/reload", method="POST")
    assert (answer.status, answer.problem["code"]) == (409, "not_applied")
    assert "line 3" in answer.problem["detail"]

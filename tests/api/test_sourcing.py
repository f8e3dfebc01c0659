"""Sources added by the API: kept over a restart, and only where the owner lets them lead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from api_peer import ask, bearer, listed
from inside import inside
from udp_peer import wait_for
from web_rig import WebFactory, WebServer

from headwater.api.settings import ApiSettings, TokenSettings

LOCAL = "rtsp://ann:secret@127.0.0.1:1/cam"


def settings_of(tmp_path: Path, **more: Any) -> dict[str, Any]:
    chosen = {"source_networks": ("127.0.0.0/8",), "sources_file": str(tmp_path / "sources.json")}
    return {"api": ApiSettings(**{**chosen, **more})}


async def put(web: WebServer, path: str, url: str, **more: Any) -> int:
    body = {"source": url, **more}
    return (await ask(web, f"/v1/sources{path}", method="PUT", json_body=body)).status


async def test_they_are_there_after_a_restart(start_web: WebFactory, tmp_path: Path) -> None:
    web = await start_web(settings=settings_of(tmp_path))
    assert await put(web, "/cams/a", LOCAL, transport="tcp") == 204
    assert await put(web, "/cams/b", LOCAL, on_demand=True) == 204
    assert len(await listed(web, "/v1/sources")) == 2
    # Nothing of a stop is needed: it is on the disk.
    again = await start_web(settings=settings_of(tmp_path))
    source, on_demand = await listed(again, "/v1/sources")
    assert (source["path"], on_demand["on_demand"]) == ("/cams/a", True)
    assert b"secret" not in (await ask(again, "/v1/sources/cams/a")).body
    assert (await ask(again, "/v1/sources/cams/a", method="DELETE")).status == 204
    assert (await ask(again, "/v1/sources/cams/a", method="DELETE")).status == 404
    third = await start_web(settings=settings_of(tmp_path))
    assert [each["path"] for each in await listed(third, "/v1/sources")] == ["/cams/b"]


async def test_a_source_is_changed_and_a_whole_list_put(
    start_web: WebFactory, tmp_path: Path
) -> None:
    web = await start_web(settings=settings_of(tmp_path))
    assert await put(web, "/a", LOCAL) == 204
    assert await put(web, "/a", "rtsp://127.0.0.1:2/other") == 204
    [source] = await listed(web, "/v1/sources")
    assert source["sources"][0]["url"] == "rtsp://127.0.0.1:2/other"
    whole = {"/b": {"source": LOCAL}, "c": {"source": LOCAL}}
    assert (await ask(web, "/v1/sources", method="PUT", json_body=whole)).status == 204
    assert [each["path"] for each in await listed(web, "/v1/sources")] == ["/b", "/c"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"source": "rtsp://127.0.0.1/x"}, 403, "source_not_allowed"),
        ({"source": "rtsp://10.1.2.3/x"}, 403, "source_not_allowed"),
        ({"source": "rtsp://169.254.169.254/x"}, 403, "source_not_allowed"),
        ({"source": "rtsp://[::1]/x"}, 403, "source_not_allowed"),
        ({"source": "rtsp://[::ffff:10.0.0.1]/x"}, 403, "source_not_allowed"),
        ({"source": "rtsp://[64:ff9b::a00:1]/x"}, 403, "source_not_allowed"),
        ({"source": "file:/etc/passwd"}, 403, "source_not_allowed"),
        ({"source": "command:id"}, 403, "source_not_allowed"),
        ({"source": "http://203.0.113.1/x"}, 403, "source_not_allowed"),
        ({"source": "rtsp://192.0.43.7/${HOME}"}, 403, "source_not_allowed"),
        ({"source": "rtsp://192.0.43.7/${file:/etc/passwd}"}, 403, "source_not_allowed"),
        ({"source": "rtsp://192.0.43.7/x", "fallback": ["rtsp://10.0.0.1/"]}, 403, None),
        ({"source": "rtsp://192.0.43.7/x", "ca_file": "/etc/passwd"}, 422, "invalid"),
        ({"source": ""}, 422, "invalid"),
        ({"source": "gopher://x"}, 422, "invalid"),
        ({}, 422, "invalid"),
    ],
)
async def test_where_a_source_must_not_lead(
    web: WebServer, body: object, status: int, code: str | None
) -> None:
    answer = await ask(web, "/v1/sources/cam", method="PUT", json_body=body)
    assert answer.status == status
    assert code in {None, answer.problem["code"]}
    assert await listed(web, "/v1/sources") == []


async def test_a_name_that_leads_inside_is_not_called(start_web: WebFactory) -> None:
    web = await start_web()
    assert await put(web, "/cam", "rtsp://localhost:1/x") == 204

    def told() -> str:
        [source] = web.server.sources
        return source.sources[0].last_error

    await wait_for(lambda: bool(told()))
    assert "api.source_networks" in told()


async def test_what_the_configuration_gave_is_not_changed(start_web: WebFactory) -> None:
    web = await start_web(paths={"cam": {"source": LOCAL}})
    answer = await ask(
        web, "/v1/sources/cam", method="PUT", json_body={"source": "rtsp://192.0.43.7/x"}
    )
    assert (answer.status, answer.problem["code"]) == (409, "source_taken")


async def test_the_configuration_goes_before_what_is_kept(
    start_web: WebFactory, tmp_path: Path
) -> None:
    web = await start_web(settings=settings_of(tmp_path))
    assert await put(web, "/cam", LOCAL) == 204
    own = "rtsp://127.0.0.1:2/own"
    again = await start_web(settings=settings_of(tmp_path), paths={"cam": {"source": own}})
    [source] = await listed(again, "/v1/sources")
    assert source["sources"][0]["url"] == own
    assert await put(again, "/cam", LOCAL) == 409
    assert (await ask(again, "/v1/sources/cam", method="DELETE")).status == 404


async def test_rights_by_path(start_web: WebFactory, tmp_path: Path) -> None:
    token = "a-token-of-a-program-1"
    tokens = (TokenSettings(name="adder", token=token, control=("cams/*",)),)
    web = await start_web(settings=settings_of(tmp_path, tokens=tokens))
    for path, status in (("/cams/a", 204), ("/other", 403)):
        answer = await ask(
            web,
            f"/v1/sources{path}",
            method="PUT",
            json_body={"source": LOCAL},
            headers=bearer(token),
        )
        assert answer.status == status
    whole = {"/other": {"source": LOCAL}}
    answer = await ask(web, "/v1/sources", method="PUT", json_body=whole, headers=bearer(token))
    assert answer.status == 403


async def test_a_disk_that_takes_nothing_changes_nothing(
    start_web: WebFactory, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    chosen = settings_of(tmp_path, sources_file=str(tmp_path / "file" / "sources.json"))
    web = await start_web(settings=chosen)
    answer = await ask(web, "/v1/sources/cam", method="PUT", json_body={"source": LOCAL})
    assert (answer.status, answer.problem["code"]) == (503, "not_kept")
    assert web.server.sources == ()


async def test_who_changes_something_else_need_not_know_the_password(
    start_web: WebFactory, tmp_path: Path
) -> None:
    web = await start_web(settings=settings_of(tmp_path))
    spare = LOCAL.replace("/cam", "/spare?token=hidden")
    assert await put(web, "/cam", LOCAL, fallback=[spare]) == 204
    answer = await ask(web, "/v1/sources/cam")
    shown = answer.problem["added"]
    assert b"secret" not in answer.body
    assert b"hidden" not in answer.body
    assert (await ask(web, "/v1/sources/cam", method="PUT", json_body=shown)).status == 204
    changed = shown | {"transport": "tcp"}
    assert (await ask(web, "/v1/sources/cam", method="PUT", json_body=changed)).status == 204
    kept = inside(web.server).web.api.added.by_path["/cam"]
    assert (kept.source, kept.fallback, kept.transport) == (LOCAL, (spare,), "tcp")
    # With another host it is another address: no password goes there.
    moved = shown | {"source": shown["source"].replace("127.0.0.1:1", "127.0.0.2:1")}
    await ask(web, "/v1/sources/cam", method="PUT", json_body=moved)
    assert "secret" not in inside(web.server).web.api.added.by_path["/cam"].source


async def test_settings_of_a_source_are_for_who_may_change_it(
    start_web: WebFactory, tmp_path: Path
) -> None:
    token = "a-token-of-a-program-1"
    tokens = (
        TokenSettings(name="looker", token=token, look=("**",), control=("other",)),
        TokenSettings(name="adder", token=token[::-1], look=("**",), control=("**",)),
    )
    web = await start_web(settings=settings_of(tmp_path, tokens=tokens))
    body = {"source": LOCAL}
    headers = bearer(token[::-1])
    put = await ask(web, "/v1/sources/cam", method="PUT", json_body=body, headers=headers)
    assert put.status == 204
    assert (await ask(web, "/v1/sources/cam", headers=headers)).problem["added"]
    assert (await ask(web, "/v1/sources/cam", headers=bearer(token))).problem["added"] is None

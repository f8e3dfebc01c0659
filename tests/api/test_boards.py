"""The board as a stream: whole at first, then what changed, of what each caller may see."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from api_peer import ask, play, publish, publish_many
from http_peer import basic
from inside import inside
from udp_peer import wait_for
from web_rig import WebFactory, WebServer

from headwater import AccessSettings, UserSettings
from headwater.api import boards

USERS = AccessSettings(
    users=(
        UserSettings(name="root", password="secret", read=("**",), look=("**",), control=("**",)),
        UserSettings(name="ann", password="secret", look=("cams/*",), control=("cams/a",)),
    ),
    anonymous_publish=("**",),
)
News = dict[str, Any]


class Viewer:
    """Keeps what a board shows."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.cards: dict[str, News] = {}
        self.last: News = {}

    @classmethod
    async def open(cls, web: WebServer, headers: dict[str, str] | None = None) -> Viewer:
        reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        writer.write(f"GET /v1/board HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.splitlines()[0], head
        viewer = cls(reader, writer)
        await viewer.next()
        return viewer

    async def next(self) -> News:
        async with asyncio.timeout(10):
            await self._reader.readuntil(b"event: board\ndata: ")
            news: News = json.loads(await self._reader.readline())
        for path in news["gone"]:
            del self.cards[path]
        self.cards.update((card["path"], card) for card in news["cards"])
        self.last = news
        return news

    async def until(self, condition: Callable[[Viewer], object]) -> None:
        while not condition(self):
            await self.next()

    async def over(self) -> bool:
        try:
            async with asyncio.timeout(10):
                # The last chunk of an answer without a length.
                await self._reader.readuntil(b"\r\n0\r\n\r\n")
        except asyncio.IncompleteReadError:
            pass
        return True

    def close(self) -> None:
        self._writer.close()


async def test_it_shows_what_comes_and_goes(web: WebServer) -> None:
    viewer = await Viewer.open(web)
    assert (viewer.cards, viewer.last["server"]["live"]) == ({}, 0)
    assert viewer.last["ports"]["publish"] == web.server.publish_port
    publisher = await publish(web, "/front")
    await viewer.until(lambda seen: "/front" in seen.cards)
    card = viewer.cards["/front"]
    assert (card["state"], card["publisher"]["kind"]) == ("live", "rtsp")
    assert (card["play"], card["control"], card["added"]) == (True, True, False)
    reader = await play(web, "/front")
    await viewer.until(lambda seen: seen.cards["/front"]["readers"] == 1)
    await reader.peer.close()
    await viewer.until(lambda seen: seen.cards["/front"]["readers"] == 0)
    await publisher.peer.close()
    await viewer.until(lambda seen: "/front" not in seen.cards)
    viewer.close()


async def test_only_what_changed_is_told(web: WebServer) -> None:
    publish_many(web, *(f"/m{number}" for number in range(50)))
    viewer = await Viewer.open(web)
    assert len(viewer.cards) == 50
    news = await viewer.next()
    assert (news["cards"], news["gone"]) == ([], [])
    assert "ports" not in news
    viewer.close()


async def test_many_viewers_share_one_look(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    view = inside(web.server).web.api.boards._view
    look = view.look

    async def counted() -> Any:
        nonlocal looks
        looks += 1
        return await look()

    monkeypatch.setattr(view, "look", counted)
    viewers = [await Viewer.open(web) for _ in range(8)]
    for viewer in viewers:
        await viewer.next()
    assert looks < 8
    for viewer in viewers:
        viewer.close()


async def test_nobody_looks_where_nobody_watches(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # That a viewer has left is noticed before anything more is told.
    monkeypatch.setattr(boards, "_LOOKS_EVERY_S", 3600.0)
    viewer = await Viewer.open(web)
    shared = inside(web.server).web.api.boards
    assert shared.open == 1
    viewer.close()
    await wait_for(lambda: not shared.open)
    assert shared._looker is None
    again = await Viewer.open(web)
    assert again.last["server"]["state"] == "running"
    again.close()


async def test_rights_say_what_is_shown_and_what_may_be_done(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": USERS})
    publish_many(web, "/cams/a", "/cams/b", "/other")
    ann = await Viewer.open(web, basic("ann", "secret"))
    assert set(ann.cards) == {"/cams/a", "/cams/b"}
    assert [ann.cards[path]["control"] for path in ("/cams/a", "/cams/b")] == [True, False]
    assert not ann.cards["/cams/a"]["play"]
    assert "server" not in ann.last
    assert "log" not in ann.last
    root = await Viewer.open(web, basic("root", "secret"))
    assert len(root.cards) == 3
    assert "log" in root.last
    fewer = replace(USERS.users[1], look=("cams/b",), control=())
    access = replace(USERS, users=(USERS.users[0], fewer))
    await web.server.apply(replace(web.server.settings, access=access))
    await ann.until(lambda seen: set(seen.cards) == {"/cams/b"})
    assert ann.last["rights"]["control"] == []
    ann.close()
    root.close()


async def test_a_login_that_ends_closes_its_board(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": USERS})
    body = {"user": "root", "password": "secret"}
    answer = await ask(web, "/-/login", method="POST", json_body=body)
    headers = {"Cookie": (answer.header("set-cookie") or "").partition(";")[0]}
    viewer = await Viewer.open(web, headers)
    csrf = {"X-Headwater-CSRF": answer.problem["csrf"]}
    await ask(web, "/-/login", method="DELETE", headers=headers | csrf)
    assert await viewer.over()


async def test_they_are_bounded(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "MOST_BOARDS", 1)
    viewer = await Viewer.open(web)
    refused = await ask(web, "/v1/board")
    assert (refused.status, refused.problem["code"]) == (503, "full")
    viewer.close()


async def test_a_server_that_stops_ends_them_and_complains_of_nothing(
    web: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    viewer = await Viewer.open(web)
    await web.server.stop()
    assert await viewer.over()
    assert [line for line in caplog.records if line.levelno >= logging.ERROR] == []

"""The board of a server by its API, with a token or a user, and words where it is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from api_peer import publish_many
from server_rig import clock, start_server
from web_rig import WebFactory, WebServer, start_web, web

from headwater import AccessSettings, UserSettings
from headwater.api.settings import ApiSettings, TokenSettings
from headwater.cli.failures import CommandFailed
from headwater.cli.top.by_api import boards_by_api
from headwater.cli.top.seen import SeenBoard

__all__ = ["clock", "start_server", "start_web", "web"]
TOKEN = "a-token-of-a-program-1"
USERS = AccessSettings(
    users=(UserSettings(name="a n", password="p:@", look=("**",)),), anonymous_publish=("**",)
)


async def looks(url: str, token: str | None = None, *, until: str = "") -> SeenBoard:
    """Return the first board, or the first with a path."""

    def take(boards: Iterator[SeenBoard]) -> SeenBoard:
        return next(
            seen for seen in boards if not until or until in [card["path"] for card in seen.cards]
        )

    async with asyncio.timeout(20):
        return await asyncio.to_thread(take, boards_by_api(url, token))


async def test_it_follows_what_changes(web: WebServer) -> None:
    first = await looks(f"http://127.0.0.1:{web.port}")
    assert (first.cards, first.server is not None) == ((), True)
    waiting = asyncio.create_task(looks(f"127.0.0.1:{web.port}", until="/front"))
    publish_many(web, "/front")
    assert [card["path"] for card in (await waiting).cards] == ["/front"]


async def test_by_token(start_web: WebFactory) -> None:
    token = TokenSettings(name="wall", token=TOKEN, look=("cams/*",))
    web = await start_web(settings={"api": ApiSettings(tokens=(token,))})
    publish_many(web, "/cams/a", "/other")
    seen = await looks(f"http://127.0.0.1:{web.port}", TOKEN)
    assert [card["path"] for card in seen.cards] == ["/cams/a"]
    assert seen.server is None


async def test_by_a_user_in_the_url(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": USERS})
    seen = await looks(f"http://a%20n:p%3A%40@127.0.0.1:{web.port}")
    assert seen.server is not None


async def test_who_is_refused_is_told_what_to_do(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": USERS})
    with pytest.raises(CommandFailed) as failed:
        await looks(f"http://a:secret@127.0.0.1:{web.port}")
    assert "--token" in failed.value.remedy
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize("url", ["rtsp://x", "http://", "http://:80"])
async def test_what_is_no_address(url: str) -> None:
    with pytest.raises(CommandFailed, match="no address of a server"):
        await looks(url)


async def test_nobody_there() -> None:
    with pytest.raises(CommandFailed, match="does not answer"):
        await looks("http://127.0.0.1:1")


async def test_a_server_that_stops(web: WebServer) -> None:
    boards = boards_by_api(f"http://127.0.0.1:{web.port}", None)
    await asyncio.to_thread(next, boards)
    await web.server.stop()
    with pytest.raises(CommandFailed):
        await asyncio.to_thread(lambda: list(boards))

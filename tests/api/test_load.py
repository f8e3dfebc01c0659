"""A thousand mounts with ten readers each: answers are made in short steps, and leave little."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from api_peer import ask, publish_many
from web_rig import WebFactory, WebServer

from headwater import LimitSettings, MountSettings
from headwater.media import snapshot
from headwater.media.readers import audience
from headwater.relay import upkeep
from headwater.relay.end import End

MOUNTS = 1000
READERS = 10
PAGE = 1000
MOST_AT_ONCE = 64
"""Readers or sessions that are looked at between two turns of the loop."""

CLOSED_AT_ONCE = 32


class Work:
    """Counts looks at readers and sessions, and the most of them in one turn of the loop."""

    def __init__(self) -> None:
        self.all = self.most = self._now = 0
        self._ticking = True

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def look(*arguments: Any) -> Any:
            self._now += 1
            return function(*arguments)

        return look

    def tick(self) -> None:
        self.all += self._now
        self.most = max(self.most, self._now)
        self._now = 0
        if self._ticking:
            asyncio.get_running_loop().call_soon(self.tick)

    def stop(self) -> None:
        self._ticking = False


@pytest.fixture
async def crowded(
    start_web: WebFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[WebServer]:
    # Upkeep looks at sessions and makes objects too, more of them the longer an answer takes.
    monkeypatch.setattr(upkeep, "_INTERVAL_S", 3600.0)
    settings = {
        "limits": LimitSettings(sessions=2 * MOUNTS * READERS),
        "mounts": MountSettings(publisher_idle_timeout_s=0),
    }
    web = await start_web(settings=settings)
    for number in range(MOUNTS):
        publish_many(web, f"/m{number}")
        for _ in range(READERS):
            web.server.read(f"/m{number}")
    yield web
    await web.server.stop()


async def test_no_answer_holds_the_loop(
    crowded: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work()
    monkeypatch.setattr(audience, "snapshot_of_reader", work.counted(snapshot.snapshot_of_reader))
    monkeypatch.setattr(End, "snapshot", work.counted(End.snapshot))
    work.tick()
    for address in (
        "/v1/server",
        "/metrics",
        "/v1/mounts?limit=1000",
        "/v1/sessions?limit=1000",
        "/v1/readers?limit=1000",
        "/v1/publishers?limit=1000",
        "/v1/sessions?user=nobody",
    ):
        assert (await ask(crowded, address)).status == 200
        assert work.most <= MOST_AT_ONCE + READERS, address
    # Those of the pages: a session is shown once, what a reader missed once more.
    assert 4 * PAGE <= work.all <= 5 * PAGE
    closed = await ask(
        crowded, "/v1/sessions/close", method="POST", json_body={"path": "/m1*", "role": "play"}
    )
    assert closed.problem["closed"] > 1000
    assert work.most <= MOST_AT_ONCE + CLOSED_AT_ONCE
    work.stop()


async def test_an_answer_keeps_no_list_of_all_that_would_bring_about_a_search_for_garbage(
    crowded: WebServer,
) -> None:
    """With one, Python looks through all of its memory: 0.1 to 0.9 s in which nothing is sent."""
    begun = 0

    def count(phase: str, _details: dict[str, int]) -> None:
        nonlocal begun
        begun += phase == "start"

    gc.callbacks.append(count)
    try:
        for address in ("/v1/server", "/metrics", "/v1/sessions?limit=1"):
            begun = 0
            assert (await ask(crowded, address)).status == 200
            # One begins once some 700 more objects were made than have gone; there are 11,000
            # sessions, and a mount has three.
            assert begun < 2 * MOUNTS * READERS / 700, address
    finally:
        gc.callbacks.remove(count)

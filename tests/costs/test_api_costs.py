"""What requests of the API cost beside few sessions and beside many, counted."""

from __future__ import annotations

import pytest
from api_peer import ask, publish_many
from inside import inside
from meter import CallMeter
from web_rig import WebFactory, WebServer

from headwater import LimitSettings, MountSettings
from headwater.relay import upkeep

MOUNTS = 10
MANY = 10_000
NEARLY_THE_SAME = 1.25
"""Ids of other sessions are in other places: a list is searched by halves."""
FROM_KEPT = 240
"""Calls of the package for a request whose answer is there: who asks, and sending it. 226 for the
health, which is made each time; some 200 for the others."""
PAGES = (
    "/v1/sessions?limit=5",
    "/v1/readers?limit=5",
    "/v1/publishers?limit=5",
    "/v1/sources",
    "/v1/forwards",
    "/v1/health",
)
OF_READERS = ("/v1/server", "/v1/mounts?limit=5", "/metrics")
"""They tell what all readers of a mount have missed, so a few numbers of each are read."""


@pytest.fixture
async def few(start_web: WebFactory, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    monkeypatch.setattr(upkeep, "_INTERVAL_S", 3600.0)
    settings = {
        "limits": LimitSettings(sessions=2 * MANY),
        "mounts": MountSettings(publisher_idle_timeout_s=0),
    }
    web = await start_web(settings=settings)
    publish_many(web, *(f"/m{number}" for number in range(MOUNTS)))
    return web


async def calls(web: WebServer, address: str, *, anew: bool = True) -> int:
    """The least calls of Python that a request took, of a few."""
    counted = []
    for _ in range(3):
        if anew:
            inside(web.server).web.api.kept.forget()
        with CallMeter() as meter:
            assert (await ask(web, address)).status == 200
        counted.append(meter.python_calls)
    return min(counted)


async def test_a_page_costs_the_same_beside_many_sessions(few: WebServer) -> None:
    web = few
    for number in range(MOUNTS):
        web.server.read(f"/m{number}")
    before = {address: await calls(web, address) for address in PAGES}
    for number in range(MANY):
        web.server.read(f"/m{number % MOUNTS}")
    after = {address: await calls(web, address) for address in PAGES}
    for address in PAGES:
        assert after[address] <= before[address] * NEARLY_THE_SAME, address
    # Made once a second for all who ask.
    for address in (*PAGES, *OF_READERS):
        await calls(web, address)
        assert await calls(web, address, anew=False) <= FROM_KEPT, address
    await web.server.stop()

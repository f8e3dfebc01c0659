"""Requests that are refused leave nothing for the garbage collector to find."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Iterator

import pytest
from digest_client import basic
from rtsp_peer import RtspPeer

from headwater import RtspServer, Settings
from headwater.access.settings import AccessSettings, UserSettings
from headwater.relay import upkeep
from headwater.relay.limit_settings import LimitSettings

ServerFactory = Callable[..., Awaitable[RtspServer]]

MANY = 50
"""Far more than what the server's clock leaves behind meanwhile; a cycle has several objects."""


@pytest.fixture
def no_collections() -> Iterator[None]:
    """The collector runs when the test asks for it alone."""
    gc.disable()
    yield
    gc.enable()


async def garbage_of(peer: RtspPeer, status: int, *request: object) -> int:
    """How many objects `MANY` such requests leave behind, client and server together."""
    for round_ in range(2):
        gc.collect()
        for _ in range(MANY if round_ else 1):
            assert (await peer.ask(*request)).status == status  # type: ignore[arg-type]
    return gc.collect()


async def test_refusals_are_no_garbage(
    start_server: ServerFactory, no_collections: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is done by the clock leaves some too: the more of it, the slower the machine is.
    monkeypatch.setattr(upkeep, "_INTERVAL_S", 3600.0)
    users = (UserSettings(name="eye", password="p", read=("/cams/*",)),)
    access = AccessSettings(users=users, address_failure_limit=MANY + 1, user_failure_limit=0)
    limits = LimitSettings(requests_per_s=100_000.0)
    server = await start_server(settings=Settings(access=access, limits=limits))
    peer = await RtspPeer.connect(server.play_port)
    uri, setup = server.play_url("/cams/1"), {"Transport": "RTP/AVP;unicast"}
    wrong, right = ({"Authorization": basic("eye", word)} for word in ("x", "p"))
    assert await garbage_of(peer, 401, "DESCRIBE", uri) < MANY
    assert await garbage_of(peer, 401, "DESCRIBE", uri, wrong) < MANY
    assert await garbage_of(peer, 503, "DESCRIBE", uri, wrong) < MANY
    peer = await RtspPeer.connect(server.play_port, "127.0.0.1", local_addr=("127.0.0.2", 0))
    assert await garbage_of(peer, 404, "DESCRIBE", uri, right) < MANY
    assert await garbage_of(peer, 403, "DESCRIBE", server.play_url("/x"), right) < MANY
    assert await garbage_of(peer, 404, "SETUP", f"{uri}/trackID=0", setup) < MANY
    assert await garbage_of(peer, 454, "PLAY", uri, {"Session": "none"}) < MANY
    assert await garbage_of(peer, 501, "BREW", uri) < MANY

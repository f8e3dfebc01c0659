"""What a player of low-latency HLS costs for each playlist and part, counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from films import film
from http_peer import HttpPeer
from inside import inside
from meter import CallMeter
from published_film import PublishedFilm
from web_rig import WebFactory

from headwater import MountSettings
from headwater.hls.mount_stream import MountHls
from headwater.hls.playlist import next_part
from headwater.relay import upkeep


@dataclass
class Player:
    """A player on its connection."""

    published: PublishedFilm
    stream: MountHls
    peer: HttpPeer
    base: str

    async def calls(self, name: str) -> CallMeter:
        """The calls that a request takes which is answered at once, the least of a few."""
        meters = []
        for _ in range(4):
            with CallMeter() as meter:
                answer = await self.peer.ask(self.base + name)
            assert answer.status == 200
            meters.append(meter)
        return min(meters, key=lambda one: one.python_calls)


@pytest.fixture
async def player(start_web: WebFactory, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Player]:
    """One that watches a film of which more is to come."""
    monkeypatch.setattr(upkeep, "_INTERVAL_S", 3600.0)
    web = await start_web(settings={"mounts": MountSettings(publisher_idle_timeout_s=0)})
    published = PublishedFilm(web.server, film("h264", 120).rtp)
    published.show(48)
    peer = await HttpPeer.connect(web.port)
    main = (await peer.ask("/front/index.m3u8")).body.decode()
    [stream] = inside(web.server).web.hls
    base = "/front/" + main.splitlines()[3].removesuffix("live.m3u8")
    yield Player(published, stream, peer, base)
    await peer.close()


@pytest.mark.parametrize("name", ["live.m3u8", "live.m3u8?_HLS_msn=0&_HLS_part=0", "part0.0.mp4"])
async def test_what_is_there_costs_few_calls(player: Player, name: str) -> None:
    meter = await player.calls(name)
    # Past the application, and by one system call; what else is counted is the client's.
    assert meter.python_calls <= 40  # 33 to 35
    assert meter.python["WebApp.__call__"] == 0
    assert meter.system["sendmsg"] == 1


async def test_what_is_waited_for_costs_few_calls_more(player: Player) -> None:
    number, place = next_part(player.stream.listed)
    waiting = asyncio.create_task(
        player.peer.ask(f"{player.base}live.m3u8?_HLS_msn={number}&_HLS_part={place}")
    )
    with CallMeter() as meter:
        while not player.stream._waiting:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
    player.published.show(12)
    assert (await waiting).status == 200
    assert meter.python["WebApp.__call__"] == 0
    assert meter.python_calls <= 43  # 36

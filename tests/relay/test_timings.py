"""How long things take, looked at now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from inside import inside
from rtsp_peer import TcpPublisher, TcpReader
from waiting import holds

from headwater import Hooks, RtspServer

ServerFactory = Callable[..., Awaitable[RtspServer]]


@pytest.fixture
async def busy(start_server: ServerFactory) -> RtspServer:
    """A server with a hook, a publisher and a reader."""

    async def authentication(_user: str, _password: str) -> bool:
        await asyncio.sleep(0)
        return True

    return await start_server(play_hooks=Hooks(authentication=authentication))


async def test_samples_come_once_somebody_wants_them(busy: RtspServer) -> None:
    relay = inside(busy).relay
    publisher = await TcpPublisher.start(busy.publish_port, busy.publish_url("/a"))
    before = await TcpReader.start(busy.play_port, busy.play_url("/a"))
    timings = relay.timings
    relay.upkeep._tick()
    assert timings.joined.count == timings.queued.count == timings.handed_over.count == 0
    relay.start_timings()
    after = await TcpReader.start(busy.play_port, busy.play_url("/a"))
    assert timings.joined.count == 1
    await holds(lambda: timings.queued.count >= 2)

    relay.upkeep._tick()
    relay.upkeep._tick()
    await publisher.send()
    for reader in (before, after):
        await reader.peer.frame()
    assert timings.handed_over.count > 0
    assert timings.handed_over.sum < 20
    counters = inside(busy).running._runners["play"].counters["authentication"]  # type: ignore[index]
    assert counters.took.count == counters.calls == 2
    assert relay.admission.took.count == 2


async def test_many_mounts_and_readers_are_looked_at_in_turn(start_server: ServerFactory) -> None:
    from published_film import description

    server = await start_server()
    for number in range(40):
        server.publish(f"/m{number}", description("pcmu"))
        for _ in range(8):
            server.read(f"/m{number}")
    timings = inside(server).relay.timings
    inside(server).relay.upkeep.stop()
    timings.start()
    timings.check(0.0)  # the first look makes the lists
    counts = []
    for _ in range(4):
        before = timings.queued.count
        timings.check(0.0)
        counts.append(timings.queued.count - before)
    assert counts == [256, 64, 0, 256]

"""A source that neither plays nor says no holds readers up for a moment only."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from rtsp_peer import TcpReader
from server_rig import LoopClock, ServerFactory
from waiting import holds

from headwater import RtspServer, SourceSnapshot
from headwater.sources import path_source
from headwater.testing.fake_camera import AsyncFakeCamera, Fault
from headwater.testing.fake_camera.exchange import Exchange
from headwater.testing.fake_camera.faults import CutConnection, Hang
from headwater.testing.fake_camera.faults.conversation import CONNECT


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_source, "_PATIENCE_S", 0.1)


@dataclass(frozen=True)
class HeldBack(Fault):
    """Answers a method only once that is allowed."""

    method: str
    allowed: asyncio.Event

    async def deliver(self, exchange: Exchange, encoded: bytes) -> bytes:
        """Wait before the answer."""
        if exchange.method == self.method:
            await self.allowed.wait()
        return encoded


def source_of(server: RtspServer) -> SourceSnapshot:
    (source,) = server.status().sources
    return source


@pytest.mark.parametrize("on_demand", [True, False])
@pytest.mark.parametrize("step", [CONNECT, "OPTIONS", "DESCRIBE", "SETUP", "PLAY"])
async def test_the_next_is_tried_beside_a_first_choice_that_hangs(
    start_server: ServerFactory, step: str, on_demand: bool
) -> None:
    async with AsyncFakeCamera(Hang(step)) as first, AsyncFakeCamera() as second:
        front = {"source": first.url, "fallback": [second.url], "transport": "tcp"}
        server = await start_server(paths={"front": front | {"on_demand": on_demand}})
        reader = await TcpReader.start(server.play_port, server.play_url("/front"))
        await reader.peer.frame()
        source = source_of(server)
        await reader.peer.close()
    assert source.live == second.url
    # It is still being tried, and has not been given up.
    assert [(each.state, each.failures) for each in source.sources] == [
        ("starting", 0),
        ("running", 0),
    ]


async def test_nobody_stands_in_where_nobody_waits(
    start_server: ServerFactory, clock: LoopClock
) -> None:
    async with AsyncFakeCamera(Hang("DESCRIBE")) as first, AsyncFakeCamera() as second:
        front = {"source": first.url, "fallback": [second.url], "transport": "tcp"}
        server = await start_server(paths={"front": front})
        await first.wait_for("DESCRIBE")
        clock.advance(5.0)
        await asyncio.sleep(0.05)
        assert source_of(server).sources[1].state == "idle"
        # The answer is overdue: now it is known to be down.
        clock.advance(6.0)
        await holds(lambda: source_of(server).live == second.url)


async def test_one_that_was_only_late_takes_over_without_showing_that_it_lasts(
    start_server: ServerFactory, clock: LoopClock
) -> None:
    allowed = asyncio.Event()
    late = HeldBack("DESCRIBE", allowed)
    async with AsyncFakeCamera(late) as first, AsyncFakeCamera() as second:
        front = {"source": first.url, "fallback": [second.url], "transport": "tcp"}
        server = await start_server(paths={"front": front})
        reader = await TcpReader.start(server.play_port, server.play_url("/front"))
        assert source_of(server).live == second.url
        allowed.set()
        # Its ten seconds are not waited for: the clock is not put forward.
        await holds(lambda: source_of(server).live == first.url, within_s=8)
        await second.wait_until(lambda: not second.live_connections)
        await reader.peer.frame()
        await reader.peer.close()


async def test_of_three_the_last_comes_in_where_the_one_before_it_hangs(
    start_server: ServerFactory,
) -> None:
    async with (
        AsyncFakeCamera() as first,
        AsyncFakeCamera(Hang("DESCRIBE")) as second,
        AsyncFakeCamera() as third,
    ):
        front = {"source": first.url, "fallback": [second.url, third.url], "transport": "tcp"}
        server = await start_server(paths={"front": front})
        reader = await TcpReader.start(server.play_port, server.play_url("/front"))
        await reader.peer.frame()
        first.fault(CutConnection("DESCRIBE"))
        first.cut()
        await holds(lambda: source_of(server).live == third.url)
        assert [each.state for each in source_of(server).sources][1] == "starting"
        await reader.peer.frame()
        await reader.peer.close()

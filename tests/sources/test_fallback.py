"""Fallbacks: the next source that fits stands in, and the first takes over once it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from camera_talk import Rtp
from inside import inside
from rtsp_peer import TcpReader
from server_rig import ServerFactory
from waiting import holds

from headwater import EventName, RtspServer, SourceSnapshot
from headwater.media.tracks.timeline import signed_32
from headwater.sources import rehearsal
from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings, sample
from headwater.testing.fake_camera.faults import Reply


@pytest.fixture(autouse=True)
def short_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "RUN_S", 0.5)


@pytest.fixture
async def cameras() -> AsyncIterator[tuple[AsyncFakeCamera, AsyncFakeCamera]]:
    """The first choice and its fallback, which differ in everything that is random."""
    second = CameraSettings(seed=7)
    async with AsyncFakeCamera() as first, AsyncFakeCamera(settings=second) as other:
        yield first, other


def source_of(server: RtspServer) -> SourceSnapshot:
    (source,) = server.status().sources
    return source


class CountingReader:
    """A reader over TCP that keeps all packets of the picture until it is stopped."""

    def __init__(self, reader: TcpReader) -> None:
        self.packets: list[Rtp] = []
        self._reader = reader
        self._task = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def of(cls, server: RtspServer) -> CountingReader:
        return cls(await TcpReader.start(server.play_port, server.play_url("/front")))

    async def _read(self) -> None:
        while True:
            channel, packet = await self._reader.peer.frame()
            if channel == 0:
                self.packets.append(Rtp(packet))

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def assert_continues(self) -> None:
        packets = self.packets
        first = packets[0]
        assert [p.seq for p in packets] == [(first.seq + n) & 0xFFFF for n in range(len(packets))]
        assert {packet.ssrc for packet in packets} == {first.ssrc}
        pairs = pairwise(packet.timestamp for packet in packets)
        assert all(signed_32(later - earlier) >= 0 for earlier, later in pairs)


async def test_a_fallback_stands_in_and_the_first_comes_back(
    start_server: ServerFactory, cameras: tuple[AsyncFakeCamera, AsyncFakeCamera]
) -> None:
    told: list[SourceSnapshot] = []

    def raises(_source: SourceSnapshot) -> None:
        raise RuntimeError("the owner's hook fails")

    first, second = cameras
    # Another encoder: its parameter sets differ, and codec and clock rate do not.
    (picture,) = second.settings.tracks
    assert "Z" in picture.fmtp
    second.settings = replace(
        second.settings, tracks=(replace(picture, fmtp="packetization-mode=1"),)
    )
    front = {"source": first.url, "fallback": [second.url], "transport": "tcp"}
    hooks = {"source_changed": [raises, told.append]}
    server = await start_server(paths={"front": front}, publish_hooks=hooks)
    await server.wait_for_mount("/front", 20)
    reader = await CountingReader.of(server)
    await holds(lambda: len(reader.packets) > 20)
    assert not second.connections
    with server.events() as events:
        await first.close()
        await holds(lambda: source_of(server).live == second.url)
        taken = len(reader.packets)
        await holds(lambda: len(reader.packets) > taken + 20)
        snapshot = source_of(server)
        await first.start()
        await holds(lambda: source_of(server).live == first.url)
        taken = len(reader.packets)
        await holds(lambda: len(reader.packets) > taken + 20)
        await second.wait_until(lambda: not second.live_connections)
        await reader.stop()
        changes = 0
        while (event := events.take()) is not None:
            changes += event.name is EventName.SOURCE_CHANGED
    reader.assert_continues()
    assert server.mounts["/front"].readers_total == 1
    assert [each.live for each in snapshot.sources] == [False, True]
    # Of the loss, or of the first try after it.
    assert snapshot.sources[0].last_error in {
        "playing: the server closed the connection",
        "connect: Connection refused",
    }
    assert snapshot.transport == "tcp"
    # The first lives, is lost, the second lives, gives way, the first lives again.
    await holds(lambda: len(told) == 4)
    assert [each.live for each in told] == [first.url, "", second.url, first.url]
    assert changes == 3
    assert [each.ended for each in second.sessions] == ["TEARDOWN"]
    assert source_of(server).sources[1].state == "idle"


async def test_one_that_does_not_fit_is_refused_and_the_next_is_taken(
    start_server: ServerFactory, cameras: tuple[AsyncFakeCamera, AsyncFakeCamera]
) -> None:
    first, second = cameras
    sound = CameraSettings(tracks=(sample.h264(), sample.h264()))
    async with AsyncFakeCamera(settings=sound) as other:
        front = {"source": first.url, "fallback": [other.url, second.url], "transport": "tcp"}
        server = await start_server(paths={"front": front})
        await server.wait_for_mount("/front", 20)
        reader = await CountingReader.of(server)
        await holds(lambda: len(reader.packets) > 20)
        await first.close()
        await holds(lambda: source_of(server).live == second.url)
        taken = len(reader.packets)
        await holds(lambda: len(reader.packets) > taken + 20)
        await reader.stop()
        refused = source_of(server).sources[1]
    reader.assert_continues()
    assert "does not fit" in refused.last_error
    assert refused.state == "waiting"


async def test_what_does_not_last_does_not_take_over(
    start_server: ServerFactory,
    cameras: tuple[AsyncFakeCamera, AsyncFakeCamera],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rehearsal, "RUN_S", 60.0)
    first, second = cameras
    first.fault(Reply("DESCRIBE", 404))
    front = {"source": first.url, "fallback": [second.url], "transport": "tcp"}
    server = await start_server(paths={"front": front})
    await holds(lambda: source_of(server).live == second.url)
    (path_source,) = inside(server).running.sources
    first.fault()
    await holds(lambda: path_source._rehearsed is not None)
    first.cut()
    first.fault(Reply("DESCRIBE", 404))
    failures = source_of(server).sources[0].failures
    await holds(lambda: source_of(server).sources[0].failures > failures)
    assert source_of(server).live == second.url
    assert path_source.live is path_source.candidates[1]
    # Where the one that stands in is lost meanwhile, nothing is waited for.
    first.fault()
    await holds(lambda: source_of(server).sources[0].state == "running")
    await second.close()
    await holds(lambda: source_of(server).live == first.url)


async def test_reception_is_measured(start_server: ServerFactory) -> None:
    settings = CameraSettings()
    async with AsyncFakeCamera(settings=settings) as camera:
        server = await start_server(paths={"front": {"source": camera.url, "transport": "udp"}})
        await server.wait_for_mount("/front", 20)

        def measured() -> Any:
            reception = source_of(server).reception
            return reception and reception.key_frame_distance_s and reception

        await holds(measured)
        source = source_of(server)
        reception = measured()
        mount = server.mounts["/front"]
        assert source.transport == "udp"
        assert source.session in server.sessions
        assert source.sources[0].up_s > 0
        assert (source.sources[0].tries, source.sources[0].failures) == (1, 0)
        assert 0 < reception.packets <= mount.tracks[0].packets
        assert reception.lost_packets == 0
        assert reception.bits_per_s > 10_000
        assert reception.last_packet_s < 1
        assert 0 <= reception.jitter_s < 1
        assert replace(source, sources=()).path == "/front"
        camera.fault(Reply("DESCRIBE", 404))
        camera.cut()
        await holds(lambda: source_of(server).live == "")
        assert source_of(server).reception is None


async def test_on_demand_a_first_choice_that_waits_is_not_waited_for(
    start_server: ServerFactory, cameras: tuple[AsyncFakeCamera, AsyncFakeCamera]
) -> None:
    first, second = cameras
    first.fault(Reply("DESCRIBE", 401))
    front = {"source": first.url, "fallback": [second.url], "on_demand": True}
    server = await start_server(paths={"front": front | {"on_demand_linger_s": 0.2}})
    for number in (1, 2):
        reader = await TcpReader.start(server.play_port, server.play_url("/front"))
        assert source_of(server).live == second.url
        await reader.peer.close()
        await second.wait_until(lambda: not second.live_connections)
        assert len(second.sessions) == number
    # It is tried slowly: once, although it was wanted twice.
    assert source_of(server).sources[0].tries == 1

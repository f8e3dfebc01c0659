"""Many sources at once: they start a few at a time, die and return together, and leave nothing."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from camera_talk import Rtp
from inside import inside
from rtsp_peer import RtspPeer
from server_rig import ServerFactory
from waiting import holds

from headwater import PacketBatch, PathSection, RtspServer, SourcesSettings
from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings

SLOW = CameraSettings(pace=0.2, report_interval_s=5.0)
"""Five pictures a second: many of it run beside the server."""


def seqs_by_path(server: RtspServer, paths: list[str]) -> dict[str, list[int]]:
    """Counting readers: the sequence numbers of each path from now on."""
    seqs: dict[str, list[int]] = defaultdict(list)

    def read(path: str) -> None:
        def take(_track: int, batch: PacketBatch) -> None:
            seqs[path] += [Rtp(bytes(packet)).seq for packet in batch.packets]

        server.read(path, take, instant_start=False)

    for path in paths:
        read(path)
    return seqs


def follow_each_other(seqs: list[int]) -> bool:
    return seqs == [(seqs[0] + n) & 0xFFFF for n in range(len(seqs))]


async def test_of_50_sources_40_lose_nothing_while_ten_are_changed(
    start_server: ServerFactory,
) -> None:
    paths = [f"/cam/{number}" for number in range(50)]
    async with AsyncFakeCamera(settings=SLOW) as camera:
        sections = {path[1:]: {"source": camera.url, "transport": "tcp"} for path in paths}
        server = await start_server(paths=sections)
        await holds(lambda: len(server.mounts) == 50)
        seqs = seqs_by_path(server, paths)
        await holds(lambda: all(len(seqs[path]) > 5 for path in paths))
        before = {path: mount.publisher for path, mount in server.mounts.items()}
        changed = {path[1:]: {"source": camera.url, "transport": "udp"} for path in paths[:10]}
        sections |= changed
        wanted = {path: PathSection(**section) for path, section in sections.items()}
        await server.apply(replace(server.settings, paths=wanted))
        await holds(lambda: len(camera.connections) == 60 and len(camera.live_sessions) == 50)
        counts = {path: len(seqs[path]) for path in paths}
        await holds(lambda: all(len(seqs[path]) > counts[path] + 5 for path in paths))
        after = {path: mount.publisher for path, mount in server.mounts.items()}
        same = [path for path in paths if before[path] == after[path]]
        await server.stop()
    assert same == paths[10:]
    # Those that were changed have readers too, for whom numbers go on.
    assert all(follow_each_other(seqs[path]) for path in paths)


COUNT = 80
"""Many times as many as may start at once."""


def taken_now() -> dict[str, int]:
    return {
        "tasks": len(asyncio.all_tasks()),
        "descriptors": sum(1 for _ in Path("/proc/self/fd").iterdir()),
    }


async def test_80_sources_that_all_die_and_return_leak_nothing(
    start_server: ServerFactory,
) -> None:
    at_rest = taken_now()
    async with AsyncFakeCamera(settings=replace(SLOW, pace=0.1)) as camera:
        server = await start_server(rtp_port_count=4 * COUNT)
        for number in range(COUNT):
            transport = "udp" if number % 2 else "tcp"
            await server.add_source(f"/cam/{number}", camera.url, transport=transport)
        sources = inside(server).running.sources
        gate = sources.around.gate
        most_inside = 0

        def all_live() -> bool:
            nonlocal most_inside
            most_inside = max(most_inside, gate.inside)
            return all(source.live is not None for source in sources)

        await holds(all_live, within_s=60)
        assert most_inside == SourcesSettings().starts_at_once
        full = taken_now() | {"pairs": server.udp_pairs_in_use}
        for _ in range(2):
            await camera.close()
            await holds(lambda: not any(source.live for source in sources), within_s=60)
            assert server.udp_pairs_in_use == 0
            await camera.start()
            await holds(all_live, within_s=60)
            # A connection that the camera has closed may have a moment to go.
            await holds(lambda: taken_now() | {"pairs": server.udp_pairs_in_use} == full)
        assert gate.inside == 0
        for number in range(COUNT):
            await server.remove_source(f"/cam/{number}")
        assert server.udp_pairs_in_use == 0
        assert len(sources) == 0
        await camera.wait_until(lambda: not camera.live_connections)
        await server.stop()
    await holds(lambda: taken_now() == at_rest)


async def test_a_thousand_names_of_a_pattern_leave_nothing(start_server: ServerFactory) -> None:
    async with AsyncFakeCamera() as camera:
        url = camera.url.replace("/stream", "/none/{1}")
        server = await start_server(paths={"nvr/*": {"source": url}})
        sources = inside(server).running.sources

        async def ask(number: int) -> int:
            peer = await RtspPeer.connect(server.play_port)
            answer = await peer.ask("DESCRIBE", server.play_url(f"/nvr/{number}"))
            await peer.close()
            return answer.status

        statuses: set[Any] = set()
        for start in range(0, 300, 30):
            statuses |= set(await asyncio.gather(*map(ask, range(start, start + 30))))
        assert statuses <= {502, 503}
        assert 502 in statuses
        # Each is forgotten once it may be tried again.
        await holds(lambda: len(sources) == 0)
        assert server.mounts == {}

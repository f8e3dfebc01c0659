"""`on_mount_missing`: the owner's code says which source a path has that nothing else names."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from inside import inside
from rtsp_peer import RtspPeer, TcpReader
from server_rig import LoopClock, ServerFactory
from waiting import holds

from headwater import ClientTransport, HookRequest, RtspServer, SourceSettings
from headwater.testing.fake_camera import AsyncFakeCamera


async def status_of(server: RtspServer, path: str) -> int:
    peer = await RtspPeer.connect(server.play_port)
    return (await peer.ask("DESCRIBE", server.play_url(path))).status


async def test_it_is_asked_once_for_many_readers_and_names_the_source(
    start_server: ServerFactory, clock: LoopClock
) -> None:
    asked: list[tuple[str, str, HookRequest]] = []

    async def resolve(path: str, query: str, request: HookRequest) -> SourceSettings | None:
        asked.append((path, query, request))
        await asyncio.sleep(0.05)
        if not path.startswith("/db/"):
            return None
        return SourceSettings(
            source=camera.url, transport=ClientTransport.TCP, on_demand_linger_s=0.2
        )

    async with AsyncFakeCamera() as camera:
        server = await start_server(play_hooks={"on_mount_missing": resolve})
        url = server.play_url("/db/1")
        readers = await asyncio.gather(
            *(TcpReader.start(server.play_port, url) for _ in range(10)),
        )
        assert len(camera.connections) == 1
        assert [(path, query, request.method) for path, query, request in asked] == [
            ("/db/1", "", "DESCRIBE")
        ]
        # Settings that are applied meanwhile leave it alone.
        await server.set_path("other", {"source": camera.url, "on_demand": True})
        assert len(inside(server).running.sources) == 2
        for reader in readers:
            await reader.peer.close()
        await camera.wait_until(lambda: not camera.live_connections)
        await holds(lambda: not inside(server).running.sources.has("/db/1"))
        # Whoever comes later has it asked anew: URLs may be good for one time only.
        clock.advance(1.1)
        await TcpReader.start(server.play_port, url)
        assert len(asked) == 2
        assert await status_of(server, "/elsewhere") == 404


async def test_an_answer_counts_for_a_second(start_server: ServerFactory, clock: LoopClock) -> None:
    asked: list[str] = []
    server = await start_server(play_hooks={"on_mount_missing": asked.append})
    for _ in range(3):
        assert await status_of(server, "/x") == 404
    assert asked == ["/x"]
    clock.advance(1.1)
    assert await status_of(server, "/x") == 404
    assert await status_of(server, "/y") == 404
    assert asked == ["/x", "/x", "/y"]


@pytest.mark.parametrize(
    ("answer", "status"), [(True, 500), (b"rtsp://h/x", 500), ("", 500), ("gopher://h", 500)]
)
async def test_what_is_no_source_is_the_owners_mistake(
    start_server: ServerFactory, answer: Any, status: int
) -> None:
    server = await start_server(play_hooks={"on_mount_missing": lambda _path: answer})
    assert await status_of(server, "/x") == status
    assert len(inside(server).running.sources) == 0


async def test_a_hook_that_raises_costs_the_request_alone(start_server: ServerFactory) -> None:
    def fail(path: str) -> str:
        raise LookupError(path)

    server = await start_server(play_hooks={"on_mount_missing": fail})
    assert set(await asyncio.gather(*(status_of(server, "/x") for _ in range(5)))) == {500}


async def test_a_stop_waits_for_no_hook(start_server: ServerFactory) -> None:
    begun = asyncio.Event()

    async def hang(_path: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    server = await start_server(play_hooks={"on_mount_missing": hang})
    waiting = asyncio.ensure_future(status_of(server, "/x"))
    await begun.wait()
    await server.stop()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not server.running

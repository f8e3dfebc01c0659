"""Servers that fetch from each other: a mount never gets back what it sends out."""

from __future__ import annotations

from server_rig import ServerFactory
from waiting import holds

from headwater import RtspServer, SourceSnapshot
from headwater.testing.fake_camera import AsyncFakeCamera

CIRCLE = "that would be a circle"


def source_of(server: RtspServer, path: str = "/x") -> SourceSnapshot:
    """What fills a path."""
    return next(source for source in server.status().sources if source.path == path)


async def test_what_a_server_fetches_from_this_one_is_not_fetched_back(
    start_server: ServerFactory,
) -> None:
    async with AsyncFakeCamera() as camera:
        here, between, far = [await start_server() for _ in range(3)]
        await between.add_source("/x", here.play_url("/x"), transport="tcp")
        await far.add_source("/x", between.play_url("/x"), transport="tcp")
        await here.add_source(
            "/x", far.play_url("/x"), fallback=(camera.url,), transport="tcp", on_demand_start_s=0.5
        )
        await far.wait_for_mount("/x", 30)
        await holds(lambda: CIRCLE in source_of(here).sources[0].last_error)
        assert source_of(here).live == camera.url
        # The camera itself is fetched by as many servers as want it.
        assert not any(CIRCLE in source_of(one).sources[0].last_error for one in (between, far))
        for server in (far, between, here):
            await server.stop()


async def test_a_mount_may_be_fetched_from_another_of_the_same_server(
    start_server: ServerFactory,
) -> None:
    async with AsyncFakeCamera() as camera:
        server = await start_server()
        await server.add_source("/x", camera.url, transport="tcp")
        await server.wait_for_mount("/x", 30)
        await server.add_source("/alias", server.play_url("/x"), transport="tcp")
        await server.wait_for_mount("/alias", 30)
        assert source_of(server, "/alias").live == server.play_url("/x")
        await server.stop()


async def test_a_camera_is_not_asked_where_its_media_has_been(start_server: ServerFactory) -> None:
    async with AsyncFakeCamera() as camera:
        server = await start_server()
        await server.add_source("/x", camera.url, transport="tcp")
        await server.wait_for_mount("/x", 30)
        assert all("via" not in map(str.lower, dict(one.headers)) for one in camera.requests)
        await server.stop()

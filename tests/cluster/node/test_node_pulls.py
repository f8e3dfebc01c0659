"""Whom a node asks for the mounts of others, and what it tells them of itself."""

from __future__ import annotations

import pytest
from cluster_rig import PASSWORD, cluster
from redis_server import RedisServer, redis_server

from headwater.cluster.registry.records import Ask, How, NodeRecord
from headwater.testing.fake_camera import BASIC, Credentials
from headwater.testing.fake_camera.camera import AsyncFakeCamera
from headwater.testing.fake_camera.settings import CameraSettings

__all__ = ["redis_server"]


async def test_nobody_in_the_place_of_a_node_learns_the_password_of_nodes(
    redis_server: RedisServer,
) -> None:
    asks_for_it = Credentials("headwater-node", PASSWORD, challenges=(BASIC,))
    async with (
        AsyncFakeCamera(
            settings=CameraSettings(path="/cam", credentials=asks_for_it)
        ) as false_node,
        cluster(redis_server, nodes=1) as one,
    ):
        url = f"rtsp://{false_node.address}"
        await one.node(0)._registry.claim(
            NodeRecord(name="x", life="1", url=url, public_url=url),
            [Ask("/cam", How.LATE, ready=True)],
        )
        assert await one.status(0) == 404
        assert false_node.seen("DESCRIBE")
        assert not [each for each in false_node.requests if each.header("Authorization")]


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://{}", "rtsp://{}/cam", "", "rtsp://["]
)
async def test_a_mount_is_taken_from_the_url_of_a_node_and_from_nothing_else(
    redis_server: RedisServer, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        AsyncFakeCamera(settings=CameraSettings(path="/cam")) as camera,
        cluster(redis_server, nodes=1) as one,
    ):
        url = url.format(camera.address)
        await one.node(0)._registry.claim(
            NodeRecord(name="x", life="1", url=url, public_url=""),
            [Ask("/cam", How.LATE, ready=True)],
        )
        assert await one.status(0) == 404
        assert not camera.requests
    assert ("the URL of a node cannot be used" in caplog.text) == bool(url)

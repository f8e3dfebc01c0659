"""Whom a node asks for the mounts of others, and what it tells them of itself."""

from __future__ import annotations

import logging

import pytest
from cluster_rig import PASSWORD, cluster
from own_ports import own_port
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


async def test_that_a_mount_does_not_come_is_told_once_a_minute(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with cluster(redis_server, nodes=1) as one:
        url = f"rtsp://127.0.0.1:{own_port(870)}"
        await one.node(0)._registry.claim(
            NodeRecord(name="x", life="1", url=url, public_url=url),
            [Ask("/cam", How.LATE, ready=True)],
        )
        clock, told = one.pulls(0)._relay.clock, "a mount of another node did not come"
        caplog.set_level(logging.INFO)
        for ahead_s, lines in ((0.0, 1), (0.0, 1), (60.0, 2), (60.0, 2)):
            one.pulls(0)._relay.clock = lambda ahead_s=ahead_s: clock() + ahead_s  # type: ignore[misc]
            # Each reader has it tried a few times.
            assert await one.status(0) == 404
            assert caplog.text.count(told) == lines


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

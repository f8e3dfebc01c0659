"""The server for tests listens on a free port, and is empty again after `clear`."""

from __future__ import annotations

from pyav_player import pictures_of

from headwater.testing import FakeCamera, TestServer


def test_a_camera_is_served_until_the_server_is_cleared() -> None:
    with FakeCamera() as camera, TestServer() as server:
        server.add_source("/gate", camera.url, on_demand=False)
        server.wait_for_mount("/gate", 10)
        assert len(pictures_of(server.play_url("/gate"), 3)) == 3
        server.clear()
        assert not server.sources
        assert not server.mounts
        assert server.publish_url("/x").startswith("rtsp://127.0.0.1:")


def test_two_servers_stand_side_by_side() -> None:
    with TestServer() as one, TestServer() as other:
        assert one.publish_port != other.publish_port

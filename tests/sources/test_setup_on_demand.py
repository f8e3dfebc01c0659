"""A reader that knows the URL of a track asks for no description: its SETUP starts the source."""

from __future__ import annotations

import pytest
from rtsp_peer import RtspPeer
from server_rig import ServerFactory

from headwater.testing.fake_camera import AsyncFakeCamera
from headwater.testing.fake_camera.faults import Reply

TCP = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}


@pytest.mark.parametrize("behind", ["/trackID=0", "/streamid=0", "", "/"])
@pytest.mark.parametrize("pattern", ["front", "*"])
async def test_a_setup_alone_starts_the_source(
    start_server: ServerFactory, pattern: str, behind: str
) -> None:
    async with AsyncFakeCamera() as camera:
        section = {"source": camera.url, "on_demand": True, "transport": "tcp"}
        server = await start_server(paths={pattern: section})
        assert not camera.connections
        peer = await RtspPeer.connect(server.play_port)
        answer = await peer.ask("SETUP", server.play_url(f"/front{behind}"), TCP)
        assert answer.status == 200
        headers = {"Session": answer.session}
        played = await peer.ask("PLAY", server.play_url("/front"), headers)
        assert played.status == 200
        await peer.frame()
        await peer.close()
        assert len(camera.connections) == 1


async def test_a_setup_is_told_that_the_camera_is_down(start_server: ServerFactory) -> None:
    async with AsyncFakeCamera(Reply("DESCRIBE", 404)) as camera:
        server = await start_server(paths={"front": {"source": camera.url, "on_demand": True}})
        peer = await RtspPeer.connect(server.play_port)
        answer = await peer.ask("SETUP", server.play_url("/front/trackID=0"), TCP)
        assert answer.status == 502
        await peer.close()

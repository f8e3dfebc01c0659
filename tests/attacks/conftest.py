"""Servers with a real publisher and a real reader beside the attackers."""

from __future__ import annotations

import resource
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from rtsp_peer import RtspPeer
from soak.watched_server import WatchedServer
from steady_stream import SteadyStream, ffmpeg
from udp_peer import UdpPair
from victim import Victim, VictimFactory


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clip")


@pytest.fixture
async def start_victim(clip_folder: Path) -> AsyncIterator[VictimFactory]:
    """Starts a server with these settings and a stream through it."""
    if ffmpeg() is None:
        pytest.skip("ffmpeg is not installed")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 16384)), hard))
    running: list[tuple[SteadyStream | None, WatchedServer]] = []

    async def start(settings: dict[str, Any] | None = None, **how: str) -> Victim:
        server = await WatchedServer.start(settings)
        running.append((None, server))
        steady = await SteadyStream.start(server.port, clip_folder, **how)
        running[-1] = (steady, server)
        return Victim(server, steady)

    yield start
    RtspPeer.forget_all()
    UdpPair.close_all()
    codes = []
    for steady, server in running:
        if steady is not None:
            await steady.stop()
        codes.append(await server.stop())
    assert codes == [0] * len(running)

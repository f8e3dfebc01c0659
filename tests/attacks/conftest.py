"""Servers with a real publisher and a real reader beside the attackers."""

from __future__ import annotations

import resource
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from own_ports import own_port
from rtsp_peer import RtspPeer
from soak.watched_server import WatchedServer
from steady_stream import SteadyStream, ffmpeg
from turns import Turns
from udp_peer import UdpPair
from victim import Victim, VictimFactory


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clip")


@pytest.fixture(scope="session")
def turns(tmp_path_factory: pytest.TempPathFactory) -> Turns:
    """Of all workers of xdist: the folder above theirs is the same."""
    return Turns(tmp_path_factory.getbasetemp().parent / "attack")


@pytest.fixture
async def start_victim(clip_folder: Path, turns: Turns) -> AsyncIterator[VictimFactory]:
    """Starts a server with these settings and a stream through it."""
    if ffmpeg() is None:
        pytest.skip("ffmpeg is not installed")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 16384)), hard))
    running: list[tuple[SteadyStream | None, WatchedServer]] = []

    async def start(settings: dict[str, Any] | None = None, **how: str) -> Victim:
        sections = settings or {}
        # Of this worker alone: those of others start at the same time.
        own = {"rtp_port_start": own_port(0), "rtp_port_count": 400}
        server = await WatchedServer.start(sections | {"rtp": own | sections.get("rtp", {})})
        running.append((None, server))
        steady = await SteadyStream.start(server.port, clip_folder, **how)
        running[-1] = (steady, server)
        return Victim(server, steady, turns)

    yield start
    RtspPeer.forget_all()
    UdpPair.close_all()
    codes = []
    for steady, server in running:
        if steady is not None:
            await steady.stop()
        codes.append(await server.stop())
    assert codes == [0] * len(running)

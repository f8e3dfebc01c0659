"""What a reader takes of memory for as long as it is there."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest
from data_plane import MakePlane

from headwater.server.connections.connection import Connection


def test_a_reader_takes_little_memory() -> None:
    """Two ways, in a process where nothing else has run."""
    alone = Path(__file__).with_name("reader_memory.py")
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:pytest_cov")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(alone)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_a_connection_has_no_dict_of_its_own(data_plane: MakePlane) -> None:
    plane = data_plane(tcp_readers=1)
    connections = [each for each in gc.get_objects() if isinstance(each, Connection)]
    assert len(connections) >= 2, "the publisher's and the reader's"
    assert not any(hasattr(connection, "__dict__") for connection in connections)
    assert plane.tcp_readers


@pytest.mark.parametrize("way", ["udp", "tcp"])
def test_a_session_that_ended_leaves_nothing_to_collect(data_plane: MakePlane, way: str) -> None:
    """What knows each other stays until a full collection, which is rare (calm_collection.py)."""
    plane = data_plane()
    plane.whole_session(plane.turn_once, over_tcp=way == "tcp")
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            plane.whole_session(plane.turn_once, over_tcp=way == "tcp")
        plane.turn_once()
        unreachable = gc.collect()
    finally:
        gc.enable()
    assert unreachable < 36, "what one of the five took would be 36"


def test_a_server_that_fetches_nothing_loads_no_client() -> None:
    """Code that nobody runs takes a megabyte of each worker."""
    text = (
        "import asyncio, sys\n"
        "from headwater import RtspServer\n"
        "async def main():\n"
        "    async with RtspServer(publish_port=0): pass\n"
        "asyncio.run(main())\n"
        "rooms = ('headwater.client.', 'headwater.sources.', 'difflib')\n"
        "print(*[name for name in sys.modules if name.startswith(rooms)])\n"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "headwater.client.settings" in loaded
    running = ("connection", "pull", "play_session", "candidate", "path_source", "rtsp", "forward")
    assert [name for name in loaded if name.rpartition(".")[2] in (*running, "difflib")] == []

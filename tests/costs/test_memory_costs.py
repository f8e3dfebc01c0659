"""What a reader takes of memory for as long as it is there."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable

import pytest
from data_plane import BATCH, DataPlane, MakePlane
from meter import least

from headwater.server.connections.connection import Connection

READERS = 20

WAYS: dict[str, tuple[Callable[[DataPlane], object], int]] = {
    "udp": (DataPlane.play_over_udp, 10_100),  # 8,300; 10,360 with a dict for each connection
    "tcp": (DataPlane.play_over_tcp, 9_000),  # 7,730; 10,370 with that and a deque for each
}


@pytest.mark.parametrize("way", WAYS)
def test_a_reader_takes_little_memory(data_plane: MakePlane, way: str) -> None:
    """The test's own two or three sockets for each are counted as well.

    Behind many other tests in the same process it is up to 1,350 bytes more.
    """
    play, bound = WAYS[way]
    plane = data_plane()
    plane.keep_group(4)
    mount = next(iter(plane.service.mounts))

    def more_bytes() -> int:
        before, _ = tracemalloc.get_traced_memory()
        wanted = mount.counters.caught_up + READERS
        for _ in range(READERS):
            play(plane)
        plane.turn_until(lambda: mount.counters.caught_up == wanted)
        plane.relay(BATCH, lambda turns: turns())
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    tracemalloc.start()
    try:
        assert least(more_bytes, times=4) / READERS <= bound
    finally:
        tracemalloc.stop()


def test_a_connection_has_no_dict_of_its_own(data_plane: MakePlane) -> None:
    plane = data_plane(tcp_readers=1)
    connections = [each for each in gc.get_objects() if isinstance(each, Connection)]
    assert len(connections) >= 2, "the publisher's and the reader's"
    assert not any(hasattr(connection, "__dict__") for connection in connections)
    assert plane.tcp_readers


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

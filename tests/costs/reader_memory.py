"""What a reader takes of memory for as long as it is there.

`test_memory_costs.py` runs this in a process of its own: behind other tests in the same process
the allocator's free lists and caches of modules count as the readers'.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

import pytest
from data_plane import BATCH, DataPlane, MakePlane
from meter import least

READERS = 20

WAYS: dict[str, tuple[Callable[[DataPlane], object], int]] = {
    "udp": (DataPlane.play_over_udp, 9_000),  # 7,700; 8,300 with partials and emptied dicts
    "tcp": (DataPlane.play_over_tcp, 8_000),  # 7,070; 10,370 with a deque and a dict for each
}


@pytest.mark.parametrize("way", WAYS)
def test_a_reader_takes_little_memory(data_plane: MakePlane, way: str) -> None:
    """The test's own two or three sockets for each are counted as well."""
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

"""What streams are read to: one memory for those of a loop, which no other process sees."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from stream_ends import Recorder, open_stream, tcp_pair

from headwater.net.read_memory import read_memory


async def test_streams_of_a_loop_share_it_and_keep_what_they_got() -> None:
    ends = [tcp_pair() for _ in range(2)]
    recorders = [Recorder(), Recorder()]
    async with open_stream(ends[0][0], recorders[0]), open_stream(ends[1][0], recorders[1]):
        for _, far in ends:
            far.send(b"a" * 1000)
        await recorders[0].until(lambda: len(recorders[0].received) == 1000)
        await recorders[1].until(lambda: len(recorders[1].received) == 1000)
        ends[1][1].send(b"b" * 1000)
        await recorders[1].until(lambda: len(recorders[1].received) == 2000)
        assert bytes(recorders[0].received) == b"a" * 1000
        assert bytes(recorders[1].received) == b"a" * 1000 + b"b" * 1000
    for _, far in ends:
        far.close()


def test_loops_and_sizes_have_their_own() -> None:
    one, other = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        assert read_memory(one, 2048) is read_memory(one, 2048)
        assert len({id(read_memory(loop, size)) for loop in (one, other) for size in (1, 2)}) == 4
    finally:
        one.close()
        other.close()


FORKING = """
import os
from headwater.net.read_memory import private_memory
memory = private_memory(4096)
memory[:3] = b"own"
child = os.fork()
if not child:
    memory[:3] = b"bad"
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert memory[:3] == b"own", memory[:3]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no process is forked off there")
def test_a_process_that_is_forked_off_writes_to_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

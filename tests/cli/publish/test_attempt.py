"""The sending process seen from outside: its silence, its sudden end."""

# ruff: noqa: ASYNC240

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from headwater.cli.publish.attempt import Attempt
from headwater.cli.publish.order import PublishOrder
from headwater.libav.remux.reports import Progress

pytest.importorskip("av")


def order(port: int) -> PublishOrder:
    return PublishOrder(
        source=f"rtsp://u:hunter2@127.0.0.1:{port}/a",
        url="rtsp://127.0.0.1:1/b",
        transport="tcp",
        loop=False,
    )


async def test_silence_ends_it_and_names_what_it_was_about() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        seen: list[Progress] = []
        attempt = Attempt(order(port), seen.append, silence_s=3.0)
        ended = await attempt.run(asyncio.Event())
    assert ended is not None
    assert ended.failure == f"opening rtsp://127.0.0.1:{port}/a: nothing moved for 3 s"
    assert [progress.step for progress in seen] == [f"opening rtsp://127.0.0.1:{port}/a"]


async def test_a_sudden_end_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        opening = asyncio.Event()
        attempt = Attempt(order(silent.getsockname()[1]), lambda _progress: opening.set())
        run = asyncio.create_task(attempt.run(asyncio.Event()))
        await opening.wait()
        task = Path("/proc/self/task")
        for pid in (task / str(os.getpid()) / "children").read_text().split():
            if b"remux.sender" in Path("/proc", pid, "cmdline").read_bytes():
                os.kill(int(pid), signal.SIGSEGV)
        ended = await run
    assert ended is not None
    assert ended.failure == "the sending process ended by signal 11"


async def test_who_asks_to_stop_gets_no_outcome() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        stop_asked = asyncio.Event()
        attempt = Attempt(order(silent.getsockname()[1]), lambda _progress: stop_asked.set())
        assert await attempt.run(stop_asked) is None

"""A worker is killed: ffmpeg that is started again returns, and players of others see nothing."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from rtsp_peer import RtspPeer, TcpReader
from steady_stream import SteadyStream, ffmpeg, make_clip

from headwater.control.status_client import ask

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

MOST_STREAMS = 16
DEADLINE_S = 60.0
_PORT = re.compile(rb"play from +rtsp://[^:]+:(\d+)/")


class Workers:
    """`headwater serve --workers 2` as a process of its own."""

    def __init__(self, process: Process, port: int, status_socket: Path) -> None:
        self.process = process
        self.port = port
        self._status_socket = status_socket

    @classmethod
    async def start(cls, folder: Path) -> Workers:
        status_socket = folder / "status.sock"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "headwater", "serve", "--workers", "2",
            "--host", "127.0.0.1", "--publish-port", "0", "--log-level", "warning",
            "--set", f"control.status_socket={status_socket}",
            stdin=DEVNULL, stdout=PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            while (port := _PORT.search(line := await process.stdout.readline())) is None:
                assert line, "the server did not start"
        return cls(process, int(port[1]), status_socket)

    def url(self, path: str) -> str:
        return f"rtsp://127.0.0.1:{self.port}{path}"

    async def status(self) -> dict[str, Any]:
        return await asyncio.to_thread(ask, self._status_socket, "status", timeout_s=DEADLINE_S)

    async def publishers(self) -> dict[str, str]:
        """The ids of publishers, by path; an id ends with the number of its worker."""
        mounts = (await self.status())["mounts"]
        return {each["path"]: each["publisher"]["id"] for each in mounts if each["publisher"]}

    async def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE_S):
            assert await self.process.wait() == 0


class Loop:
    """ffmpeg that publishes a clip, and is started again whenever it ends."""

    def __init__(self, clip: Path, url: str) -> None:
        self._command = (
            *("ffmpeg", "-nostdin", "-v", "quiet", "-re", "-stream_loop", "-1", "-i", str(clip)),
            *("-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", url),
        )
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            process = await asyncio.create_subprocess_exec(*self._command, stdin=DEVNULL)
            try:
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            await asyncio.sleep(0.2)


@pytest.fixture
async def workers(tmp_path: Path) -> AsyncIterator[Workers]:
    if ffmpeg() is None:
        pytest.skip("ffmpeg is not installed")
    server = await Workers.start(tmp_path)
    yield server
    RtspPeer.forget_all()
    await server.stop()


def worker_of(session_id: str) -> int:
    return int(session_id[-2:], 16)


async def test_publishers_of_a_killed_worker_return_and_other_players_see_every_frame(
    workers: Workers, tmp_path: Path
) -> None:
    clip = await asyncio.to_thread(make_clip, tmp_path)
    loops: list[Loop] = []
    steady: dict[str, SteadyStream] = {}
    try:
        # The kernel gives publishers to workers by chance: until each has some of both kinds.
        for number in range(MOST_STREAMS):
            path = f"/steady{number}"
            steady[path] = await SteadyStream.start(workers.port, tmp_path, path=path)
            loops.append(Loop(clip, workers.url(f"/loop{number}")))
            async with asyncio.timeout(DEADLINE_S):
                before = await workers.publishers()
                while f"/loop{number}" not in before:
                    await asyncio.sleep(0.1)
                    before = await workers.publishers()
            if len({worker_of(before[path]) for path in steady}) == 2:
                break
        victim = worker_of(before["/loop0"])
        watched = [each for path, each in steady.items() if worker_of(before[path]) != victim]
        await asyncio.gather(*(each.learn() for each in watched))
        told = {each["name"]: each["pid"] for each in (await workers.status())["workers"]}
        os.kill(told[f"worker-{victim + 1}"], signal.SIGKILL)
        lost = [path for path in before if "loop" in path and worker_of(before[path]) == victim]
        async with asyncio.timeout(DEADLINE_S):
            now = before
            while any(now.get(path, before[path]) == before[path] for path in lost):
                await asyncio.sleep(0.1)
                now = await workers.publishers()
        assert (await workers.status())["replaced_workers"] == 1
        for path in lost:
            reader = await TcpReader.start(workers.port, workers.url(path))
            assert (await reader.peer.frame())[1]
        await asyncio.gather(*(each.frames(50) for each in watched))
        assert watched
        for each in watched:
            assert each.alive
            assert (each.account.lost, each.account.damaged) == (0, 0)
    finally:
        await asyncio.gather(*(loop.stop() for loop in loops))
        await asyncio.gather(*(stream.stop() for stream in steady.values()))

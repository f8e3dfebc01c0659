"""A server in a process of its own that tells what it holds."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent


def free_ports(count: int) -> int:
    """The first of so many UDP ports that nobody has, below those that clients are given."""
    table = (Path("/proc/net/udp"), Path("/proc/net/udp6"))
    lines = [line for path in table for line in path.read_text().splitlines()[1:]]
    taken = {int(line.split()[1].rpartition(":")[2], 16) for line in lines}
    for first in range(18000, 32000 - count, count):
        if taken.isdisjoint(range(first, first + count)):
            return first
    raise RuntimeError(f"no {count} UDP ports in a row are free")


class WatchedServer:
    """A running `soak.server_process`, asked for samples."""

    def __init__(self, process: Process, port: int) -> None:
        self._process = process
        self.port = port

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    @classmethod
    async def start(
        cls,
        settings: dict[str, dict[str, Any]] | None = None,
        *,
        before_start: Callable[[], None] | None = None,
        prefix: tuple[str, ...] = (),
    ) -> WatchedServer:
        """Start it with settings by section and learn its port.

        `before_start` runs in the new process, `prefix` is a command that runs the server's.
        """
        sections = settings or {}
        rtp = sections.get("rtp", {})
        count = rtp.get("rtp_port_count", 4000)
        rtp = {"rtp_port_start": free_ports(count), "rtp_port_count": count} | rtp
        told = sections | {"rtp": rtp}
        process = await asyncio.create_subprocess_exec(
            *prefix, sys.executable, "-m", "soak.server_process", json.dumps(told),
            stdin=PIPE, stdout=PIPE, cwd=_ROOT, preexec_fn=before_start,
            env={**os.environ, "PYTHONPATH": str(_ROOT / "src")},
        )  # fmt: skip
        assert process.stdout is not None
        return cls(process, json.loads(await process.stdout.readline())["port"])

    async def sample(self) -> dict[str, Any]:
        """What it holds now."""
        return await self._ask(b"\n")

    async def kill_worker(self) -> float | None:
        """Have one worker killed; in how many seconds another had its place.

        None where each worker has a part in the steady stream.
        """
        replaced_s: float | None = (await self._ask(b"kill\n"))["replaced_s"]
        return replaced_s

    async def _ask(self, line: bytes) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line)
        answer: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return answer

    async def stop(self) -> int:
        """End it in order; its exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return await self._process.wait()

"""Processes that processes of a test have started: who they are, and that they have ended."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path


def children_of(pid: int) -> list[int]:
    """The processes that a process has started, and that have not been waited for."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@asynccontextmanager
async def all_end(pids: Iterable[int], within_s: float) -> AsyncIterator[None]:
    """Leave once all of these have ended, by what the block does; the kernel tells of each."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        ends: list[asyncio.Event] = []
        for pid in pids:
            descriptor = os.pidfd_open(pid)
            stack.callback(os.close, descriptor)
            ends.append(asyncio.Event())
            loop.add_reader(descriptor, ends[-1].set)
            stack.callback(loop.remove_reader, descriptor)
        yield
        async with asyncio.timeout(within_s):
            for end in ends:
                await end.wait()

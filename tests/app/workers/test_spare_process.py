"""The process that waits to be a worker."""

from __future__ import annotations

import asyncio
import errno
import itertools
import socket

import pytest

from headwater.app.workers import spare_process
from headwater.app.workers.spare_process import SpareProcess

DEADLINE_S = 10.0


class Sleeper:
    """A process in name: it has a side of a socket, and ends when it is killed."""

    _numbers = itertools.count(1)

    def __init__(self, control: socket.socket) -> None:
        self.pid = next(self._numbers)
        self.control = control.dup()
        self.ended = asyncio.Event()

    async def wait(self) -> int:
        await self.ended.wait()
        return -9

    def kill(self) -> None:
        self.control.close()
        self.ended.set()


class Started:
    """What was started, and what the system refuses to start."""

    def __init__(self) -> None:
        self.sleepers: list[Sleeper] = []
        self.refusals = 0
        self.tried = asyncio.Event()

    async def spawn(self, control: socket.socket) -> Sleeper:
        self.tried.set()
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        self.sleepers.append(Sleeper(control))
        return self.sleepers[-1]


async def test_the_one_that_waits_is_taken_and_another_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spare_process, "_RETRY_S", 0.0)
    started = Started()
    spare = SpareProcess(started.spawn)
    # None waits yet: one is started for whoever needs it.
    first, own = await spare.taken()
    keeping = asyncio.create_task(spare.keep())
    async with asyncio.timeout(DEADLINE_S):
        while len(started.sleepers) < 2:
            started.tried.clear()
            await started.tried.wait()
    second, second_own = await spare.taken()
    assert [first, second] == started.sleepers[:2]
    second_own.send(b"order")
    assert second is started.sleepers[1]
    assert started.sleepers[1].control.recv(5) == b"order"
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await spare.end()
    for sock in (own, second_own):
        sock.close()
    for process in (first, second):
        process.kill()
    assert all(each.ended.is_set() for each in started.sleepers)


async def test_a_start_that_the_system_refuses_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spare_process, "_RETRY_S", 0.0)
    started = Started()
    started.refusals = 3
    spare = SpareProcess(started.spawn)
    keeping = asyncio.create_task(spare.keep())
    async with asyncio.timeout(DEADLINE_S):
        while not started.sleepers:
            started.tried.clear()
            await started.tried.wait()
    assert started.refusals == 0
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await spare.end()
    assert started.sleepers[0].ended.is_set()
    await spare.end()


async def test_whoever_needs_one_is_told_of_the_refusal() -> None:
    started = Started()
    started.refusals = 1
    with pytest.raises(OSError, match="temporarily unavailable"):
        await SpareProcess(started.spawn).taken()

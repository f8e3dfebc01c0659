"""Fleets whose workers are whole servers on the loop of the test."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from own_ports import own_port
from rtsp_peer import RtspPeer
from worker_here import WorkerHere

from headwater.app.workers import fleet as fleet_module
from headwater.app.workers import spare_process
from headwater.app.workers.fleet import Fleet
from headwater.config.settings import Settings
from headwater.net.settings import TlsSettings

DEADLINE_S = 20.0
WORKERS = 2


def settings_of(tls: TlsSettings | None = None, **server: Any) -> Settings:
    base = Settings()
    return replace(
        base,
        tls=tls or base.tls,
        server=replace(base.server, host="127.0.0.1", publish_port=0, **server),
        mounts=replace(base.mounts, publisher_idle_timeout_s=0.0),
        rtp=replace(base.rtp, rtp_port_start=own_port(0), rtp_port_count=400),
        workers=replace(base.workers, count=WORKERS, hot_readers=0),
    )


class Rig:
    """Starts fleets, and keeps all workers that they had."""

    def __init__(self) -> None:
        self.spawned: list[WorkerHere] = []
        self.fleets: list[Fleet] = []
        self.exits_with: int | None = None
        self.hangs = False
        self.refuses: OSError | None = None
        self.refused = 0

    async def spawn(self, control: socket.socket) -> WorkerHere:
        if self.refuses is not None:
            self.refused += 1
            raise self.refuses
        worker = WorkerHere(control, exits_with=self.exits_with, hangs=self.hangs)
        self.spawned.append(worker)
        return worker

    def made(self, settings: Settings) -> Fleet:
        fleet = Fleet(settings, self.spawn)
        self.fleets.append(fleet)
        return fleet

    async def started(self, settings: Settings | None = None) -> Fleet:
        fleet = self.made(settings or settings_of())
        await fleet.start()
        return fleet

    @property
    def workers(self) -> list[WorkerHere]:
        """Those with an order that live, in the order of their names."""
        at_work = {
            each.order.place.number: each
            for each in self.spawned
            if each.order and not each.has_ended
        }
        return [at_work[number] for number in sorted(at_work)]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110 - what several servers do has no one event
                await asyncio.sleep(0.005)

    async def aclose(self) -> None:
        RtspPeer.forget_all()
        for fleet in self.fleets:
            await fleet.stop(0.0)
        for worker in self.spawned:
            await worker.aclose()


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(fleet_module, "_LOOK_S", 0.01)
    monkeypatch.setattr(fleet_module, "_REST_S", 0.01)
    monkeypatch.setattr(spare_process, "_RETRY_S", 0.01)
    rig = Rig()
    tasks = asyncio.all_tasks()
    yield rig
    await rig.aclose()
    # What was cancelled ends in the loop's next turn.
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= tasks | {asyncio.current_task()}

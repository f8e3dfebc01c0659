"""A worker of `headwater serve`: how the supervisor starts one, and what it then does."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from dataclasses import dataclass

from headwater.app.workers.fleet import WorkerProcess
from headwater.app.workers.worker import WorkerPlace, WorkerServer
from headwater.cli.process.event_loop import LoopChoice, StopAsked, run_until_signalled
from headwater.cli.process.handover import written_order
from headwater.cli.process.logs import change_logs, configure_logs
from headwater.cli.process.serving import failures_logged, start_server
from headwater.config.settings import Settings
from headwater.frames.remux.interpreter import interpreter_options

_MODULE = "headwater.cli.process.worker_daemon"


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerOrder:
    """What a worker is to be."""

    settings: Settings
    place: WorkerPlace
    loop: LoopChoice


class _Process:
    """A worker's process as the fleet sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    async def wait(self) -> int:
        return await self._process.wait()

    def kill(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()


async def spawn_worker(
    settings: Settings, place: WorkerPlace, control: socket.socket, loop: LoopChoice
) -> WorkerProcess:
    """Start a worker. Raises OSError where the system lets no process begin."""
    order = written_order(WorkerOrder(settings=settings, place=place, loop=loop))
    try:
        words = (*interpreter_options(), "-m", _MODULE, str(order), str(control.fileno()))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(order, control.fileno()),
            # A group of its own: Ctrl-C and a terminal's end are for the supervisor.
            process_group=0,
        )
    finally:
        os.close(order)
    return _Process(process)


def serve_as_worker(order: WorkerOrder, control: socket.socket) -> None:
    """Serve until the supervisor or SIGTERM ends it; raises CommandFailed when it cannot start."""
    configure_logs(order.settings.log, worker=order.place.name)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with failures_logged(order.settings.log.format):
        run_until_signalled(lambda stop_asked: _serve(order, control, stop_asked), order.loop)


async def _serve(order: WorkerOrder, control: socket.socket, stop_asked: StopAsked) -> None:
    server = WorkerServer(order.settings, order.place, control)
    drain_s: list[float] = []

    def stop(seconds: float) -> None:
        drain_s.append(seconds)
        stop_asked.set()

    server.asked_to_stop = stop
    server.applied = lambda settings: change_logs(settings.log)
    await start_server(server, server.settings)
    gc.collect()
    gc.freeze()
    try:
        await stop_asked.wait()
    finally:
        await server.stop(drain_s[0] if drain_s else None)

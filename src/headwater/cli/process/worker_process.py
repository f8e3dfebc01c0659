"""A worker of `headwater serve`: how the supervisor starts one, and what it then does."""

from __future__ import annotations

import signal
import socket

from headwater import RtspServer
from headwater.app.workers.child_process import start_child
from headwater.app.workers.spare_process import WorkerProcess
from headwater.app.workers.worker import Worker, WorkerOrder
from headwater.cli.process.calm_collection import collect_in_calm_moments
from headwater.cli.process.event_loop import (
    LoopChoice,
    StopAsked,
    loop_factory,
    run_until_signalled,
)
from headwater.cli.process.logs import change_logs, configure_logs
from headwater.cli.process.serving import failures_logged, start_server
from headwater.cluster.channel import first_message

_MODULE = "headwater.cli.process.worker_daemon"


async def spawn_worker(control: socket.socket, loop: LoopChoice) -> WorkerProcess:
    """Start a process that waits for its order. Raises OSError where the system lets none begin."""
    return start_child(_MODULE, control, (loop.value,))


def serve_as_worker(control: socket.socket, loop: LoopChoice) -> None:
    """Wait for an order, and serve until the supervisor or SIGTERM ends it.

    Raises CommandFailed when it cannot start.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    loop_factory(loop)  # what it needs is loaded now
    try:
        order = first_message(control)
    except (EOFError, OSError):
        return
    if not isinstance(order, WorkerOrder):
        raise TypeError(f"the order is a {type(order).__name__}")
    configure_logs(order.settings.log, worker=order.place.name)
    with failures_logged(order.settings.log.format):
        run_until_signalled(lambda stop_asked: _serve(order, control, stop_asked), loop)


async def _serve(order: WorkerOrder, control: socket.socket, stop_asked: StopAsked) -> None:
    server = RtspServer()
    worker = Worker(server, order.settings, order.place, control, order.added)
    drain_s: list[float] = []

    def stop(seconds: float) -> None:
        drain_s.append(seconds)
        stop_asked.set()

    worker.asked_to_stop = stop
    worker.applied = lambda settings: change_logs(settings.log)
    await start_server(server, server.settings)
    collect_in_calm_moments()
    try:
        await stop_asked.wait()
    finally:
        await server.stop(min(drain_s, default=None))

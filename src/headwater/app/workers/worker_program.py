"""The process of one worker of a program: `python -m … CONTROL FACTORY PLACES…`.

It is run by `RtspWorkers` alone: with a descriptor, the name of the function that makes the server,
and the places where the program finds its modules.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys

from headwater.app.signals import ENDING_SIGNALS, signals_taken
from headwater.app.workers.factory import Factory, factory_of, server_of
from headwater.app.workers.worker import Worker, WorkerOrder
from headwater.cluster.channel import first_message

MODULE = "headwater.app.workers.worker_program"


def main(arguments: list[str]) -> None:
    """Import the program's module, wait for an order, and serve until the supervisor's word."""
    descriptor, name, *places = arguments
    control = socket.socket(fileno=int(descriptor))
    sys.path[:] = places
    # A terminal's end is for the supervisor.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # What takes long is done now: a process that waits for its order replaces one that died.
    factory = factory_of(name)
    try:
        order = first_message(control)
    except (EOFError, OSError):
        return
    if not isinstance(order, WorkerOrder):
        raise TypeError(f"the order is a {type(order).__name__}")
    asyncio.run(_serve(factory, name, order, control))


async def _serve(factory: Factory, name: str, order: WorkerOrder, control: socket.socket) -> None:
    server = await server_of(factory, name)
    worker = Worker(server, order.settings, order.place, control, order.added)
    drain_s: list[float] = []
    stop_asked = asyncio.Event()

    def stop(seconds: float) -> None:
        drain_s.append(seconds)
        stop_asked.set()

    worker.asked_to_stop = stop
    with signals_taken(ENDING_SIGNALS, lambda _: stop_asked.set()):
        await server.start()
        gc.collect()
        gc.freeze()
        try:
            await stop_asked.wait()
        finally:
            await server.stop(min(drain_s, default=None))


if __name__ == "__main__":
    main(sys.argv[1:])

"""The server under churn, in a process of its own: tells its port, then a sample for each line.

Standard input ends it. A sample is one line of JSON on standard output. The one argument is a
table of settings by section as JSON, which go before the defaults. With several workers the line
`kill` ends one of them at once, and is answered when another has its place.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
import time
from typing import Any

from headwater import RtspServer, RtspWorkers, ServerStatus
from headwater.config.settings import Settings
from soak.callback_meter import CallbackMeter
from soak.settings import settings_of
from soak.worker_program import FACTORY, SETTINGS_VARIABLE

_STEADY_MOUNT = "/steady"
_REPLACED_S = 30.0


def sample(status: ServerStatus) -> dict[str, object]:
    """What the server holds now; tasks and objects are those of this process."""
    process = status.process
    return {
        "memory_bytes": process.memory_bytes,
        "threads": process.threads,
        "descriptors": process.descriptors,
        # The one that takes this sample is not the server's.
        "tasks": len(asyncio.all_tasks()) - 1,
        "udp_first": status.ports.udp_first,
        "udp_busy_skips": status.ports.udp_busy_skips,
        "udp_pairs": status.ports.udp_pairs_in_use,
        "connections": status.connections.open,
        "sessions": len(status.sessions),
        "mounts": len(status.mounts),
        "sources_live": sum(bool(source.live) for source in status.sources),
        "objects": len(gc.get_objects()),
        "clock_s": status.clock_s,
        "cpu_s": process.cpu_user_s + process.cpu_system_s,
        "closed_by_cause": status.counters.connections_closed_by_cause,
        "refused_by_limit": status.counters.refused_by_limit,
        "answers_by_status": status.counters.answers_by_status,
        "kernel_drops": status.drops.kernel_receive,
        "stray_datagrams": status.egress.stray_datagrams,
        "failures": status.counters.request_failures + status.counters.connection_failures,
        "workers": len(status.workers),
        "replaced_workers": status.replaced_workers,
    }


async def serve(settings: Settings) -> None:
    """Serve in this process until standard input ends."""
    lines = await _standard_input()
    async with RtspServer(settings=settings) as server:
        counters = server.counters
        # Requests answered and sessions ended: what peers can ask for in any number.
        meter = CallbackMeter(
            lambda: counters.requests + sum(counters.sessions_closed_by_cause.values())
        )
        meter.start()
        _say({"port": server.publish_port})
        while await lines.readline():
            _say(sample(server.status()) | meter.seen())


async def serve_with_workers() -> None:
    """Serve by several processes until standard input ends."""
    lines = await _standard_input()
    async with RtspWorkers(FACTORY) as workers:
        _say({"port": workers.publish_port})
        while line := await lines.readline():
            if line.strip() == b"kill":
                _say(await killed(workers))
            else:
                _say(sample(await workers.status()))


async def killed(workers: RtspWorkers) -> dict[str, object]:
    """Kill a worker that serves nobody of the steady stream; tell how long it had no successor.

    Without such a worker nothing is done, and the time is None.
    """
    status = await workers.status()
    busy = {
        # The id of a session ends with the number of its worker.
        f"worker-{int(session.id[-2:], 16) + 1}"
        for session in status.sessions
        if session.path == _STEADY_MOUNT and session.user_agent.startswith("Lavf")
    }
    victims = [worker for worker in status.workers if worker.name not in busy]
    if not victims:
        return {"replaced_s": None}
    began_s = time.monotonic()
    os.kill(victims[0].pid, signal.SIGKILL)
    async with asyncio.timeout(_REPLACED_S):
        while True:
            now = await workers.status()
            pids = {worker.pid for worker in now.workers}
            if len(pids) == len(status.workers) and victims[0].pid not in pids:
                return {"replaced_s": time.monotonic() - began_s}
            await asyncio.sleep(0.02)


async def _standard_input() -> asyncio.StreamReader:
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    return lines


def _say(words: dict[str, object]) -> None:
    print(json.dumps(words), flush=True)


def main() -> None:
    """Serve by one process or by several, as the settings say."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    sections: dict[str, dict[str, Any]] = json.loads(sys.argv[1])
    settings = settings_of(sections)
    if settings.workers.workers == 1:
        asyncio.run(serve(settings))
    else:
        os.environ[SETTINGS_VARIABLE] = sys.argv[1]
        asyncio.run(serve_with_workers())


if __name__ == "__main__":
    main()

"""The server under churn, in a process of its own: tells its port, then a sample for each line.

Standard input ends it. A sample is one line of JSON on standard output.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
from dataclasses import replace

from headwater import RtspServer
from headwater.config.settings import Settings


def sample(server: RtspServer) -> dict[str, object]:
    """What the server holds now."""
    status = server.status()
    process = status.process
    return {
        "memory_bytes": process.memory_bytes,
        "threads": process.threads,
        "descriptors": process.descriptors,
        # The one that takes this sample is not the server's.
        "tasks": len(asyncio.all_tasks()) - 1,
        "udp_pairs": status.ports.udp_pairs_in_use,
        "connections": status.connections.open,
        "sessions": len(status.sessions),
        "mounts": len(status.mounts),
        "objects": len(gc.get_objects()),
        "failures": status.counters.request_failures + status.counters.connection_failures,
    }


async def serve(session_timeout_s: float) -> None:
    """Serve until standard input ends."""
    base = Settings()
    settings = replace(base, sessions=replace(base.sessions, timeout_s=session_timeout_s))
    server = RtspServer(
        host="127.0.0.1",
        publish_port=0,
        rtp_port_start=38000,
        rtp_port_count=4000,
        settings=settings,
    )
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with server:
        print(json.dumps({"port": server.publish_port}), flush=True)
        while await lines.readline():
            print(json.dumps(sample(server)), flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    asyncio.run(serve(float(sys.argv[1])))

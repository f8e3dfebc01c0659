"""The server under churn, in a process of its own: tells its port, then a sample for each line.

Standard input ends it. A sample is one line of JSON on standard output. The one argument is a
table of settings by section as JSON, which go before the defaults.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
from dataclasses import replace
from typing import Any

from headwater import RtspServer
from headwater.access.settings import UserSettings
from headwater.config.path_section import path_sections
from headwater.config.settings import Settings
from soak.callback_meter import CallbackMeter


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
    }


def settings_of(sections: dict[str, dict[str, Any]]) -> Settings:
    """The defaults with these sections' values before them."""
    settings = Settings()
    for section, values in sections.items():
        if section == "paths":
            settings = replace(settings, paths=path_sections(values))
            continue
        settings = replace(settings, **{section: replace(getattr(settings, section), **values)})
    return settings


def _with_users(sections: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    access = sections.get("access", {})
    if "users" in access:
        access["users"] = tuple(map(_user, access["users"]))
    return sections


def _user(values: dict[str, Any]) -> UserSettings:
    """A user of JSON, which has lists in place of tuples."""
    made: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
    }
    return UserSettings(**made)


async def serve(settings: Settings) -> None:
    """Serve until standard input ends."""
    server = RtspServer(settings=settings)
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with server:
        counters = server.counters
        # Requests answered and sessions ended: what peers can ask for in any number.
        meter = CallbackMeter(
            lambda: counters.requests + sum(counters.sessions_closed_by_cause.values())
        )
        meter.start()
        print(json.dumps({"port": server.publish_port}), flush=True)
        while await lines.readline():
            print(json.dumps(sample(server) | meter.seen()), flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    base: dict[str, dict[str, Any]] = {
        "server": {"host": "127.0.0.1", "publish_port": 0, "play_port": 0},
    }
    asked = _with_users(json.loads(sys.argv[1]))
    for name, section in asked.items():
        base[name] = base.get(name, {}) | section
    asyncio.run(serve(settings_of(base)))

"""Run a server on free ports until standard input ends; its addresses go out as one JSON line.

`serve.py '{"rtp_port_start": 40000, "mounts": {"grace_s": 5}, …}'`: keyword arguments of
RtspServer, and sections of the settings by their names.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import fields, is_dataclass, replace

from headwater import RtspServer
from headwater.config.settings import Settings


async def main(arguments: str) -> None:
    """Serve until the parent closes the pipe."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    options = json.loads(arguments)
    defaults = Settings()
    sections = {
        name: replace(getattr(defaults, name), **options.pop(name))
        for name in [field.name for field in fields(Settings)]
        if name in options and is_dataclass(getattr(defaults, name))
    }
    settings = replace(defaults, **sections)
    async with RtspServer(host="127.0.0.1", settings=settings, **options) as server:
        loop.add_reader(sys.stdin.fileno(), ended.set)
        bound = {
            "publish_port": server.publish_port,
            "play_port": server.play_port,
            "http_port": server.http_port,
        }
        print(json.dumps(bound), flush=True)  # noqa: T201 - the parent reads it
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

"""All cores of a machine: several processes that are one server, each with your hooks.

A hook is a function of this program and cannot cross to another process. So each worker imports
this file and has `make_server` make a server of its own; they share ports and mounts. Save it as
`workers.py`: "workers:make_server" names the function for them.
"""

import asyncio
import os

from headwater import HookRequest, Hooks, RtspServer, RtspWorkers

hooks = Hooks()


@hooks.check_mount
def check_mount(request: HookRequest) -> bool:
    print(f"process {os.getpid()} is asked for {request.path}", flush=True)
    return request.path.startswith("/stream")


def make_server() -> RtspServer:
    return RtspServer(publish_port=5554, play_port=6554, play_hooks=hooks)


async def run() -> None:
    workers = RtspWorkers("workers:make_server", workers=2)
    await workers.start()
    status = await workers.status()
    print("the workers are", *[worker.pid for worker in status.workers], flush=True)
    await workers.serve_forever()


if __name__ == "__main__":
    asyncio.run(run())

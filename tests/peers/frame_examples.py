"""Runs every function of the examples of a page, given on standard input as JSON: a program.

Each function is given what its argument is named for: a server, which has a camera at /cam, or
the URL of that camera. It may come to its end, or go on until its time is over; what it raises is
shown.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import numpy as np

import headwater
from headwater import FramePublisher, RtspServer

RUNS_S = 4.0


async def film(out: FramePublisher) -> None:
    """Pictures and sound, as a camera has them."""
    number = 0
    while True:
        number += 1
        await out.put(np.full((240, 320, 3), number % 255, np.uint8))
        await out.put_audio(np.sin(np.arange(1_920) * 0.05).astype(np.float32))
        await asyncio.sleep(1 / 25)


async def run(function: Callable[..., Any], server: RtspServer) -> str:
    """Call a function of a page; "" where nothing went wrong."""
    # What publishes has a path for itself.
    publishes = function.__name__.startswith("show")
    url = server.publish_url("/shown") if publishes else server.play_url("/cam")
    given = {"server": server, "url": url}
    arguments = [given[name] for name in inspect.signature(function).parameters]
    try:
        async with asyncio.timeout(RUNS_S):
            if inspect.iscoroutinefunction(function):
                await function(*arguments)
            else:
                await on_thread(function, arguments)
    except TimeoutError:
        return ""
    except Exception:  # noqa: BLE001 - what it raises is shown
        return traceback.format_exc()
    return ""


async def on_thread(function: Callable[..., Any], arguments: list[Any]) -> None:
    """Call it beside the loop, on a thread that ends with the program."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def call() -> None:
        try:
            function(*arguments)
        except BaseException as error:  # noqa: BLE001 - who waits gets it
            loop.call_soon_threadsafe(done.set_exception, error)
        else:
            loop.call_soon_threadsafe(done.set_result, None)

    threading.Thread(target=call, daemon=True).start()
    await asyncio.shield(done)


async def main() -> int:
    """Run all of them, one after another."""
    failed = 0
    async with AsyncExitStack() as running:
        server = await running.enter_async_context(RtspServer(host="127.0.0.1", publish_port=0))
        camera = server.publish_frames("/cam", size=(320, 240), audio="opus")
        filming = asyncio.create_task(film(await running.enter_async_context(camera)))
        for code in json.load(sys.stdin):
            names: dict[str, Any] = {"__name__": "example"}
            exec(compile(code, "example", "exec"), names)
            for name, function in names.items():
                own = inspect.isfunction(function) and function.__module__ == "example"
                if not own or "frame" in inspect.signature(function).parameters:
                    continue
                if error := await run(function, server):
                    failed += 1
                    say(f"FAILED {name} {error}")
                say(f"ran {name}")
        filming.cancel()
    return failed


def say(line: str) -> None:
    """Tell the test."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    say(f"headwater {headwater.__file__}")
    sys.exit(asyncio.run(main()))

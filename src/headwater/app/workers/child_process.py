"""A process of a worker, which the supervisor starts, waits for and kills."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence

from headwater.libav.remux.interpreter import can_be_started_again, interpreter_options


class ChildProcess:
    """A process that runs, and the thread that waits for its end: that works on every event loop.

    Attributes:
        pid: its number.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self._process = process
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = loop.create_future()
        waiting = threading.Thread(target=self._wait_for_end, args=(loop,), daemon=True)
        waiting.name = f"end of process {process.pid}"
        waiting.start()

    async def wait(self) -> int:
        """Wait for its end; returns its exit code."""
        return await asyncio.shield(self._ended)

    def kill(self) -> None:
        """End it at once; nothing is done where it has ended."""
        self._process.kill()

    def _wait_for_end(self, loop: asyncio.AbstractEventLoop) -> None:
        code = self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop was closed before
            loop.call_soon_threadsafe(self._note_end, code)

    def _note_end(self, code: int) -> None:
        if not self._ended.done():
            self._ended.set_result(code)


def workers_refusal() -> str:
    """Return why this system cannot have workers; empty where it can."""
    if not hasattr(socket, "send_fds"):
        return "no process of this system can hand an open connection to another"
    if not can_be_started_again():
        return "this program cannot be started a second time, such as from a zip file"
    return ""


def start_child(module: str, control: socket.socket, words: Sequence[str]) -> ChildProcess:
    """Run a module in a new interpreter: with the socket's descriptor, and then these words.

    Raises OSError where the system lets no process begin.
    """
    process = subprocess.Popen(  # noqa: S603 - this very interpreter, no shell
        (
            sys.executable,
            *interpreter_options(),
            "-m",
            module,
            str(control.fileno()),
            *words,
        ),
        stdin=subprocess.DEVNULL,
        pass_fds=(control.fileno(),),
        # A group of its own: Ctrl-C and a terminal's end are for the supervisor.
        process_group=0,
    )
    return ChildProcess(process)

"""A process that has loaded everything and waits to be a worker."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

_RETRY_S: Final = 1.0


class WorkerProcess(Protocol):
    """A process that runs a worker."""

    @property
    def pid(self) -> int:
        """Its number."""

    async def wait(self) -> int:
        """Wait for its end; returns its exit code."""

    def kill(self) -> None:
        """End it at once; nothing is done where it has ended."""


Spawn = Callable[[socket.socket], Awaitable[WorkerProcess]]
"""Starts a process that waits on the socket for its `WorkerOrder`, and speaks with us there."""


class SpareProcess:
    """The process that takes the place of a worker that dies.

    To start one only then would take longer than a second on a busy machine.
    """

    def __init__(self, spawn: Spawn) -> None:
        self._spawn = spawn
        self._ready: tuple[WorkerProcess, socket.socket] | None = None

    async def taken(self) -> tuple[WorkerProcess, socket.socket]:
        """Return the process that waits, or a new one, and our side of its socket."""
        ready, self._ready = self._ready, None
        return await self._new() if ready is None else ready

    async def keep(self) -> None:
        """Have one ready, always."""
        while True:
            if self._ready is None:
                with contextlib.suppress(OSError):  # it is tried again
                    self._ready = await self._new()
            await asyncio.sleep(_RETRY_S)

    async def end(self) -> None:
        """End the process that waits, once nothing keeps one ready."""
        if self._ready is not None:
            (process, own), self._ready = self._ready, None
            own.close()
            process.kill()
            await process.wait()

    async def _new(self) -> tuple[WorkerProcess, socket.socket]:
        own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with other:
                return await self._spawn(other), own
        except BaseException:
            own.close()
            raise

"""`RtspWorkers`: several processes that are one server, started and ended by a program."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from headwater.app.signals import ENDING_SIGNALS, signals_taken
from headwater.app.start_refusal import start_refusal
from headwater.app.workers.child_process import ChildProcess, start_child, workers_refusal
from headwater.app.workers.factory import factory_of, server_of
from headwater.app.workers.fleet import Fleet
from headwater.app.workers.slices import slice_of
from headwater.app.workers.worker_program import MODULE
from headwater.config.applied import Applied
from headwater.config.settings import Settings
from headwater.control.socket_path import status_socket_path
from headwater.control.status import Health, ServerStatus
from headwater.control.status_socket import StatusSocket


class RtspWorkers:
    """Several processes with the same ports and the same mounts: one server of a program.

    Each worker is a process that imports the program's module, has the named function make a
    server there, and serves with it: so hooks are those of each worker, with what they hold. This
    process starts the workers, replaces those that die, and speaks for all of them; it carries no
    media. The function is called once here too, for the settings: it makes a server and opens
    nothing. What a worker needs besides is opened where its server starts.

    Args:
        factory: the module and the function that returns an `RtspServer`, such as
            `"app:make_server"`; the function may be asynchronous.
        workers: how many processes; 0 for one on each core. None: as the server's settings say.
    """

    def __init__(self, factory: str, *, workers: int | None = None) -> None:
        self._factory = factory
        self._workers = workers
        self._fleet: Fleet | None = None
        self._status_socket: StatusSocket | None = None
        self._starting = False

    @property
    def running(self) -> bool:
        """Whether the workers are started and not stopped."""
        return self._fleet is not None

    @property
    def settings(self) -> Settings:
        """The settings that all workers go by. Raises RuntimeError where none run."""
        return self._required().settings

    @property
    def publish_port(self) -> int:
        """The port that publishers use. Raises RuntimeError where no workers run."""
        return self._required().ports.publish

    @property
    def play_port(self) -> int:
        """The port that readers use. Raises RuntimeError where no workers run."""
        return self._required().ports.play

    @property
    def http_port(self) -> int | None:
        """The port for browsers; None: there is none. Raises RuntimeError where no workers run."""
        return self._required().ports.http

    def publish_url(self, path: str) -> str:
        """Return the URL to publish a mount on, for players and tools on this machine."""
        return self._required().ports.publish_url(path)

    def play_url(self, path: str) -> str:
        """Return the URL to play a mount from, as `publish_url`."""
        return self._required().ports.play_url(path)

    def http_url(self, path: str) -> str:
        """Return the URL of a mount for browsers; empty where there is no port for them."""
        return self._required().ports.http_url(path)

    async def open_status_socket(self, path: str | None = None) -> str:
        """Let `headwater status` ask for all workers until they stop; returns the socket's path.

        `path` goes before the setting `control.status_socket`, as with `RtspServer`.

        Raises:
            RuntimeError: no workers run.
            StatusSocketError: the socket cannot be opened; the message says why.
        """
        fleet = self._required()
        if self._status_socket is not None:
            return str(self._status_socket.path)
        chosen = fleet.settings.control.status_socket if path is None else path
        if not chosen:
            return ""
        where = status_socket_path(chosen, fleet.ports.publish)
        status_socket = StatusSocket(where, steps=fleet.status, health=fleet.health)
        await status_socket.open()
        self._status_socket = status_socket
        return str(where)

    async def start(self) -> None:
        """Start the workers; when this returns, all of them serve.

        Raises:
            OSError: a port is taken or the address is not of this machine; the message says which.
            RuntimeError: workers run already, this system cannot have any, or one of them did not
                start: what it wrote to the standard error says why.
            ValueError: the factory's name has no module or function, or the settings cannot be
                for so many workers.
            TypeError: the factory is no function, or returns no server.

        What the import of the module raises, or the factory, is raised as well.
        """
        if self._fleet is not None or self._starting:
            raise RuntimeError("the workers run already; stop them first")
        if refusal := workers_refusal():
            raise RuntimeError(f"{refusal}; run RtspServer in this process instead")
        self._starting = True
        try:
            fleet = Fleet(await self._chosen_settings(), self._spawn)
            try:
                await fleet.start()
            except OSError as error:
                raise start_refusal(error) from None
            self._fleet = fleet
        finally:
            self._starting = False

    async def stop(self, drain_s: float | None = None) -> None:
        """Stop all workers: publishers and readers are told, every port is returned.

        `drain_s` is how long readers may go on first; the setting `server.drain_s` unless given.
        A call while another drains ends the drain. Where no workers run it does nothing.
        """
        fleet = self._fleet
        if fleet is None:
            return
        try:
            await fleet.stop(fleet.settings.server.drain_s if drain_s is None else drain_s)
        finally:
            if self._fleet is fleet:
                self._fleet = None
                await self._close_status_socket()

    async def serve_forever(self) -> None:
        """Start if need be, and serve until cancelled or told to end (SIGINT, SIGTERM).

        The first signal stops all workers in order, a second one at once. Signals are only taken
        in the main thread.
        """
        if self._fleet is None:
            await self.start()
        ended = asyncio.Event()
        try:
            with ExitStack() as taken:
                if threading.current_thread() is threading.main_thread():
                    taken.enter_context(signals_taken(ENDING_SIGNALS, lambda _: ended.set()))
                await ended.wait()
        finally:
            await self.stop()

    async def status(self) -> ServerStatus:
        """Return everything about all workers together, and a short form of each in `workers`.

        Raises RuntimeError where no workers run, or none answers.
        """
        return await self._required().status()

    def health(self) -> Health:
        """State, age and the chief numbers, as the workers told them within the last second.

        Raises RuntimeError where no workers run.
        """
        return self._required().health()

    async def apply(self, settings: Settings) -> Applied:
        """Have all workers go by other settings, or none of them; as `RtspServer.apply`.

        A worker that is started later goes by them too, whatever the factory says then.
        """
        return await self._required().apply(settings)

    def reload_certificates(self) -> None:
        """Have all workers read the TLS files again; where none run it does nothing."""
        if self._fleet is not None:
            self._fleet.reload_certificates()

    async def __aenter__(self) -> Self:
        """Start the workers."""
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the workers."""
        await self.stop()

    async def _close_status_socket(self) -> None:
        status_socket, self._status_socket = self._status_socket, None
        if status_socket is not None:
            await status_socket.close()

    async def _chosen_settings(self) -> Settings:
        server = await server_of(factory_of(self._factory), self._factory)
        settings = server.settings
        if self._workers is not None:
            chosen = replace(settings.workers, count=self._workers)
            settings = replace(settings, workers=chosen)
        # Looked at here, where it is said once, and not by each worker.
        slice_of(settings, 0, settings.workers.workers)
        return settings

    async def _spawn(self, control: socket.socket) -> ChildProcess:
        return start_child(MODULE, control, (self._factory, *sys.path))

    def _required(self) -> Fleet:
        if self._fleet is None:
            raise RuntimeError("the workers are not running; start them first")
        return self._fleet

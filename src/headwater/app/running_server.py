"""Everything of a server that runs: made at its start, gone with its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from headwater.app.machine_limits import look_at_machine
from headwater.app.status_report import StatusReport
from headwater.config.settings import Settings
from headwater.control.server_state import ServerState
from headwater.control.status_socket import StatusSocket
from headwater.hooks import HookRunner, Hooks
from headwater.log_pace import paced_logger
from headwater.net.steady_loop import SteadyLoop
from headwater.relay.programs import Programs
from headwater.relay.relay import Relay
from headwater.server.service import RtspService
from headwater.side import Side

logger = paced_logger(__name__)

_CLOSE_DEADLINE_S = 1.0
"""How long peers may take at the stop to receive what waits for them and to close."""


class RunningServer:
    """The relay of one server, and its ways in and out."""

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        hooks: dict[Side, Hooks],
        on_stopped: Callable[[], None],
    ) -> None:
        """`on_stopped` is called once, when a stop has come to its end, however it went."""
        self._settings = settings
        self._on_stopped = on_stopped
        self._loop = SteadyLoop(loop)
        self._runners = {
            side: HookRunner(chosen, side, settings.hooks, clock=self._loop.time)
            for side, chosen in hooks.items()
        }
        self.relay = Relay(settings, self._loop, self._runners)
        self.rtsp = RtspService(self.relay, settings)
        self.programs = Programs(self.relay)
        self.report = StatusReport(self.relay, self.rtsp, settings.server, self._runners.items())
        self.status_socket: StatusSocket | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._drain_ended = asyncio.Event()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that it runs on."""
        return self._loop.beneath

    def start(self, hosts: Sequence[str]) -> None:
        """Bind the ports of numeric hosts, `""` for every address, and serve.

        Raises OSError, with the port in its message, where one is taken.
        """
        try:
            self.rtsp.listeners.open(hosts)
            look_at_machine(self._settings)
            self.relay.start()
        except BaseException:
            self.rtsp.listeners.close()
            self.relay.stop()
            raise
        self.report.state = ServerState.RUNNING

    async def open_status_socket(self, path: Path) -> None:
        """Answer `headwater status` on a socket of this path. Raises StatusSocketError."""
        status_socket = StatusSocket(path, steps=self.report.steps, health=self.report.health)
        await status_socket.open()
        self.status_socket = status_socket
        logger.info("status socket open", extra={"path": str(path)})

    async def stop(self, drain_s: float) -> None:
        """Let readers go on for so long, then end everything and return what was taken.

        A call while another drains ends the drain and waits for the other.
        """
        if self._stopping is None:
            self._stopping = self.loop.create_task(self._stop(drain_s))
        else:
            self._drain_ended.set()
        # Shielded: a caller that gives up must not leave the server half stopped.
        await asyncio.shield(self._stopping)

    def abandon(self) -> None:
        """Let go of what ran on a loop that was closed without a stop."""
        with suppress(RuntimeError):  # uvloop's word on being asked once it is closed
            self.rtsp.listeners.close()

    async def _stop(self, drain_s: float) -> None:
        self.report.state = ServerState.DRAINING
        relay = self.relay
        relay.draining = True
        try:
            self.rtsp.listeners.close()
            if drain_s > 0:
                await self._drain(drain_s)
            relay.stop()
            relay.departures.finish()
            relay.mounts.close("server stopped")
            relay.departures.finish()
            for end in relay.ends:
                relay.send_away(end, "server stopped")
            await self._close_connections()
            for runner in self._runners.values():
                await runner.aclose()
            await relay.admission.aclose()
        finally:
            relay.events.close()
            self._on_stopped()
            if self.status_socket is not None:
                await self.status_socket.close()
        logger.info("server stopped")

    async def _drain(self, drain_s: float) -> None:
        ends = self.relay.ends
        logger.info("server drains", extra={"seconds": drain_s, "sessions": len(ends)})
        reasons = (ends.readers_gone.wait(), self._drain_ended.wait())
        waiting = [self.loop.create_task(reason) for reason in reasons]
        try:
            done, _ = await asyncio.wait(
                waiting, timeout=drain_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        for task in done:
            task.result()  # a wait that failed is not the drain's end

    async def _close_connections(self) -> None:
        connections = self.rtsp.connections
        for connection in connections:
            connection.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_DEADLINE_S):
                await connections.all_gone.wait()
        for connection in connections:
            connection.abort()
        await connections.all_gone.wait()

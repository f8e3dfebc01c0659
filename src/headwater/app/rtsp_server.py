"""`RtspServer`: the whole server as one object, to run or to embed."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from headwater.app.machine_limits import look_at_machine
from headwater.app.signals import ENDING_SIGNALS, signals_taken
from headwater.app.status_report import StatusReport
from headwater.config.settings import Settings
from headwater.control.server_state import ServerState
from headwater.control.settings import AUTO
from headwater.control.socket_path import automatic_path
from headwater.control.status import Health, ServerStatus
from headwater.control.status_socket import StatusSocket
from headwater.hooks import HookRunner, Hooks, Side
from headwater.log_pace import paced_logger
from headwater.media.snapshot import MountSnapshot
from headwater.net.listen_hosts import listen_hosts
from headwater.net.steady_loop import SteadyLoop
from headwater.server.counters import ServerCounters
from headwater.server.request_uri import encode_path
from headwater.server.role import Role
from headwater.server.service import Service
from headwater.server.session import SessionSnapshot
from headwater.server.timekeeper import Timekeeper

logger = paced_logger(__name__)

_ANY_HOSTS = frozenset({"", "0.0.0.0", "::"})
_CLOSE_DEADLINE_S = 1.0
"""How long peers may take at the stop to receive what waits for them and to close."""


class RtspServer:
    """An RTSP/RTP server: publishers fill mounts, any number of readers play them.

    Args:
        host: address to listen on; empty means every address, IPv4 and IPv6.
        publish_port: TCP port for publishers.
        play_port: TCP port for readers; None, or the number of `publish_port`, has one port
            serve both. 0 picks a free one.
        rtp_port_start: first UDP port for media.
        rtp_port_count: how many UDP ports there are.
        publish_hooks: the owner's code on the publishing side: `Hooks`, a mapping, or an object
            with functions named like hooks.
        play_hooks: the same on the playing side.
        settings: everything else; the arguments above go before it where they are given.

    Raises:
        ValueError: a setting is out of bounds, or a hook is on a side that never calls it.
        TypeError: a hook is no function or takes other arguments than it gets.
    """

    def __init__(
        self,
        *,
        host: str | None = None,
        publish_port: int | None = None,
        play_port: int | None = None,
        rtp_port_start: int | None = None,
        rtp_port_count: int | None = None,
        publish_hooks: object = None,
        play_hooks: object = None,
        settings: Settings | None = None,
    ) -> None:
        base = settings or Settings()
        listen, rtp = base.server, base.rtp
        self.settings = replace(
            base,
            server=replace(
                listen,
                host=listen.host if host is None else host,
                publish_port=listen.publish_port if publish_port is None else publish_port,
                play_port=listen.play_port if play_port is None else play_port,
            ),
            rtp=replace(
                rtp,
                rtp_port_start=rtp.rtp_port_start if rtp_port_start is None else rtp_port_start,
                rtp_port_count=rtp.rtp_port_count if rtp_port_count is None else rtp_port_count,
            ),
        )
        self.publish_hooks = Hooks.from_object(publish_hooks)
        # The same object on both sides stays one: what concerns both is told once.
        same = play_hooks is publish_hooks and publish_hooks is not None
        self.play_hooks = self.publish_hooks if same else Hooks.from_object(play_hooks)
        self._check_hooks()
        self._service: Service | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._drain_ended: asyncio.Event | None = None
        self._timekeeper: Timekeeper | None = None
        self._runners: dict[Role, HookRunner] = {}
        self._report: StatusReport | None = None
        self._status_socket: StatusSocket | None = None

    @property
    def running(self) -> bool:
        """Whether the server is started and not stopped, and the loop that it runs on is open."""
        return self._service is not None and not self._service.loop.beneath.is_closed()

    @property
    def publish_port(self) -> int:
        """The port that publishers use; the bound one while the server runs."""
        return self._port(Role.PUBLISH, self.settings.server.publish_port)

    @property
    def play_port(self) -> int:
        """The port that readers use; the bound one while the server runs."""
        return self._port(Role.PLAY, self.settings.server.reader_port)

    @property
    def mounts(self) -> Mapping[str, MountSnapshot]:
        """The mounts as they are now, by path: a copy to keep, from the loop's thread."""
        if self._service is None:
            return MappingProxyType({})
        return MappingProxyType({mount.path: mount.snapshot() for mount in self._service.mounts})

    @property
    def sessions(self) -> Mapping[str, SessionSnapshot]:
        """The sessions as they are now, by id: a copy to keep, from the loop's thread."""
        if self._service is None:
            return MappingProxyType({})
        return MappingProxyType(
            {session.id: session.snapshot() for session in self._service.sessions}
        )

    @property
    def counters(self) -> ServerCounters:
        """What the server counted since it started. Raises RuntimeError when it is not running."""
        return self._running_service().counters

    @property
    def udp_pairs_in_use(self) -> int:
        """UDP port pairs that publishers and readers hold now; 0 while the server is stopped."""
        return 0 if self._service is None else self._service.media_ends.ports.in_use

    def status(self) -> ServerStatus:
        """Everything about the server as it is now: a copy to keep, from the loop's thread.

        With thousands of readers and sessions this takes milliseconds. Raises RuntimeError when
        the server is not running.
        """
        return self._running_report().status()

    def health(self) -> Health:
        """State, age and the chief numbers. Raises RuntimeError when the server is not running."""
        return self._running_report().health()

    def reload_certificates(self) -> None:
        """Read the TLS files again, for the connections that come next.

        They are read by themselves within 5 seconds of a change. What cannot be used is logged,
        and the old certificate stays. Without TLS this does nothing.
        """
        if self._timekeeper is not None:
            self._timekeeper.reload_certificates()

    async def open_status_socket(self, path: str | None = None) -> str:
        """Let `headwater status` ask this server until it stops; returns the socket's path.

        `path` goes before the setting `control.status_socket`, whose `auto` is a path that
        `headwater status` finds by itself. Empty opens none. A second call does nothing.

        Raises:
            RuntimeError: the server is not running.
            StatusSocketError: the socket cannot be opened; the message says why.
        """
        report = self._running_report()
        if self._status_socket is not None:
            return str(self._status_socket.path)
        chosen = self.settings.control.status_socket if path is None else path
        if not chosen:
            return ""
        where = automatic_path(self.publish_port) if chosen == AUTO else Path(chosen)
        status_socket = StatusSocket(where, steps=report.steps, health=report.health)
        await status_socket.open()
        self._status_socket = status_socket
        logger.info("status socket open", extra={"path": str(where)})
        return str(where)

    def publish_url(self, path: str) -> str:
        """The URL to publish a mount on, for players and tools on this machine.

        Raises RuntimeError before the start where the port is 0, which the start picks.
        """
        return self._url("publish_port", self.publish_port, path)

    def play_url(self, path: str) -> str:
        """The URL to play a mount from, as `publish_url`."""
        return self._url("play_port", self.play_port, path)

    async def start(self) -> None:
        """Bind the ports and serve, until `stop`.

        Raises:
            OSError: a port is taken or the address is not of this machine; the message says which.
            RuntimeError: the server runs already.
            ValueError: a hook is on a side that never calls it, or a certificate cannot be used.
        """
        hosts = await listen_hosts(self.settings.server.host)
        self._forget_closed_loop()
        if self._service is not None:
            raise RuntimeError("the server runs already; stop it first")
        self._check_hooks()
        loop = SteadyLoop(asyncio.get_running_loop())
        runners = {
            role: HookRunner(hooks, side, self.settings.hooks, clock=loop.time)
            for role, hooks, side in (
                (Role.PUBLISH, self.publish_hooks, Side.PUBLISH),
                (Role.PLAY, self.play_hooks, Side.PLAY),
            )
        }
        service = Service(self.settings, loop, runners)
        report = StatusReport(service, runners.items())
        try:
            service.listeners.open(hosts)
            look_at_machine(self.settings)
            timekeeper = Timekeeper(service)
            timekeeper.start()
        except BaseException:
            service.listeners.close()
            loop.stop()
            raise
        report.state = ServerState.RUNNING
        self._service, self._report, self._runners = service, report, runners
        self._timekeeper = timekeeper
        ports = service.media_ends.ports
        logger.info(
            "server started",
            extra={
                "publish": self.publish_url(""),
                "play": self.play_url(""),
                "udp": f"{ports.start}-{ports.start + 2 * ports.pair_count - 1}",
            },
        )

    async def stop(self, drain_s: float | None = None) -> None:
        """Stop serving: publishers and readers are told, every port and descriptor is returned.

        `drain_s` is how long readers may go on first; the setting `server.drain_s` unless given.
        The hooks of what ends are run to their end. A call while another drains ends the drain
        and waits for the other; on a server that does not run it does nothing.

        Raises RuntimeError on another event loop than the one that the server runs on.
        """
        self._forget_closed_loop()
        service, loop = self._service, asyncio.get_running_loop()
        if service is None:
            return
        if service.loop.beneath is not loop:
            raise RuntimeError("the server runs on another event loop; stop it there")
        if self._stopping is None:
            wait_s = self.settings.server.drain_s if drain_s is None else drain_s
            # Made here: an event belongs to the first loop that waits for it.
            ended = self._drain_ended = asyncio.Event()
            self._stopping = loop.create_task(self._stop(service, wait_s, ended))
        elif self._drain_ended is not None:
            self._drain_ended.set()
        # Shielded: a caller that gives up must not leave the server half stopped.
        await asyncio.shield(self._stopping)

    async def _stop(self, service: Service, wait_s: float, ended: asyncio.Event) -> None:
        self._running_report().state = ServerState.DRAINING
        service.draining = True
        try:
            service.listeners.close()
            if wait_s > 0:
                await self._drain(service, wait_s, ended)
            if self._timekeeper is not None:
                self._timekeeper.stop()
            service.endings.finish()
            service.mounts.close("server stopped")
            service.endings.finish()
            for session in service.sessions:
                service.sessions.close(session, "server stopped", by_server=True)
            await self._close_connections(service)
            for runner in self._runners.values():
                await runner.aclose()
            await service.authenticator.aclose()
        finally:
            self._service = self._stopping = self._report = self._timekeeper = None
            status_socket, self._status_socket = self._status_socket, None
            if status_socket is not None:
                await status_socket.close()
        logger.info("server stopped")

    async def serve_forever(self) -> None:
        """Start if need be, and serve until cancelled or told to end (SIGINT, SIGTERM).

        The first signal stops the server in order, a second one at once. Signals are only taken
        in the main thread.
        """
        if not self.running:
            await self.start()
        ended = asyncio.Event()
        try:
            with ExitStack() as taken:
                if threading.current_thread() is threading.main_thread():
                    taken.enter_context(signals_taken(ENDING_SIGNALS, lambda _: ended.set()))
                await ended.wait()
        finally:
            await self.stop()

    async def close_session(self, session_id: str, reason: str = "closed by the owner") -> bool:
        """End one session; False when there is none of this id."""
        sessions = self._running_service().sessions
        session = sessions.get(session_id)
        if session is None:
            return False
        sessions.close(session, reason, by_server=True)
        return True

    async def close_mount(self, path: str, reason: str = "closed by the owner") -> bool:
        """Close a mount, its publisher and, a few at a time, its readers; False without one."""
        mount = self._running_service().mounts.get(path)
        if mount is None:
            return False
        mount.close(reason)
        return True

    async def __aenter__(self) -> Self:
        """Start the server."""
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server."""
        await self.stop()

    async def _drain(self, service: Service, wait_s: float, ended: asyncio.Event) -> None:
        logger.info("server drains", extra={"seconds": wait_s, "sessions": len(service.sessions)})
        loop = asyncio.get_running_loop()
        reasons = (service.sessions.readers_gone.wait(), ended.wait())
        waiting = [loop.create_task(reason) for reason in reasons]
        try:
            done, _ = await asyncio.wait(
                waiting, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        for task in done:
            task.result()  # a wait that failed is not the drain's end

    async def _close_connections(self, service: Service) -> None:
        for connection in tuple(service.connections):
            connection.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_DEADLINE_S):
                await service.connections_gone.wait()
        for connection in tuple(service.connections):
            connection.abort()
        await service.connections_gone.wait()

    def _check_hooks(self) -> None:
        if self.play_hooks is self.publish_hooks:
            return
        for hooks, side in ((self.publish_hooks, Side.PUBLISH), (self.play_hooks, Side.PLAY)):
            for name in hooks.misplaced(side):
                other = Side.PLAY if side is Side.PUBLISH else Side.PUBLISH
                raise ValueError(
                    f"the hook {name} is never called on the {side.value} side; "
                    f"give it in {other.value}_hooks"
                )

    def _forget_closed_loop(self) -> None:
        """Let go of what ran on a loop that was closed without a stop: it runs no more."""
        service = self._service
        if service is None or not service.loop.beneath.is_closed():
            return
        with suppress(RuntimeError):  # uvloop's word on being asked once it is closed
            service.listeners.close()
        self._service = self._stopping = self._report = self._timekeeper = None
        self._status_socket = self._drain_ended = None
        self._runners = {}
        del service
        # Peers and sockets know each other in circles: now, not some day, their ports are free.
        gc.collect()
        logger.warning("the event loop was closed before the server was stopped")

    def _running_service(self) -> Service:
        if self._service is None:
            raise RuntimeError("the server is not running; start it first")
        return self._service

    def _running_report(self) -> StatusReport:
        if self._report is None:
            raise RuntimeError("the server is not running; start it first")
        return self._report

    def _port(self, role: Role, configured: int) -> int:
        return configured if self._service is None else self._service.ports[role]

    def _url(self, setting: str, port: int, path: str) -> str:
        if not port:
            raise RuntimeError(f"{setting} is 0: the port is known once the server is started")
        host = self.settings.server.host
        host = "127.0.0.1" if host in _ANY_HOSTS else host
        host = f"[{host}]" if ":" in host else host
        scheme = "rtsps" if self.settings.server.tls_only else "rtsp"
        return f"{scheme}://{host}:{port}{encode_path('/' + path.lstrip('/'))}"

"""Everything of a server that runs: made at its start, gone with its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.app.api_view import ApiView
from headwater.app.callouts import CalloutsInUse, load_callouts
from headwater.app.cluster import make_node, nodes_seen
from headwater.app.decoders import make_decodings
from headwater.app.machine_limits import look_at_machine
from headwater.app.status_report import StatusReport
from headwater.app.web import RoomsForWeb, Web, make_web
from headwater.client.forwarding.forwards import Forwards
from headwater.config.applied import Applied
from headwater.config.difference import difference
from headwater.config.settings import Settings
from headwater.control.server_state import ServerState
from headwater.control.socket_path import status_socket_path
from headwater.control.status import SettingsStatus
from headwater.control.status_socket import StatusSocket
from headwater.hooks import HookRunner, Hooks
from headwater.log_pace import paced_logger
from headwater.net.listen_hosts import listen_hosts
from headwater.net.steady_loop import SteadyLoop
from headwater.net.tls_context import ServerTls
from headwater.relay.programs import Programs
from headwater.relay.relay import Relay
from headwater.server.service import RtspService
from headwater.side import Side
from headwater.sources.plan import PlannedSource
from headwater.sources.source_table import SourceTable

if TYPE_CHECKING:
    from headwater.cluster.node.cluster_node import ClusterNode
    from headwater.feeds.mount_feeds import MountFeeds
    from headwater.libav.decoding.decodings import Decodings
    from headwater.libav.transforms.snapshot import TransformSnapshot
    from headwater.libav.transforms.transforms import Transforms

logger = paced_logger(__name__)

_MOST_LOGGED = 100
"""Of many keys that were changed together, so many have a line in the log each."""
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
        self.settings = settings
        """What it goes by now: the last that were applied, but for what needs a restart."""
        self._applying = asyncio.Lock()
        self._hosts: tuple[str, ...] = ()
        self._on_stopped = on_stopped
        self._loop = SteadyLoop(loop)
        self._runners = {
            side: HookRunner(chosen, side, settings.hooks, clock=self._loop.time)
            for side, chosen in hooks.items()
        }
        self.relay = Relay(settings, self._loop, self._runners)
        load_callouts(settings)
        self.callouts = CalloutsInUse(self.relay)
        self.rtsp = RtspService(self.relay, settings)
        self.programs = Programs(self.relay)
        self._feeds: MountFeeds | None = None
        self._decodings: Decodings | None = None
        self._transforms: Transforms | None = None
        self.on_reload: Callable[[], Awaitable[Applied]] | None = None
        """Reads the program's configuration again; None where there is none to read."""
        self.given_sources: Mapping[str, PlannedSource] = {}
        """Sources that other processes were told before this one began, by path."""
        self.view = ApiView(self)
        self.web: Web | None = make_web(
            self.relay,
            settings,
            RoomsForWeb(
                feeds=lambda: self.feeds,
                decodings=lambda: self.decodings,
                rtsp_port=lambda: self.rtsp.ports[Side.PLAY],
                decode_in=lambda: self.settings.http.decode_in,
            ),
            self.view,
        )
        self.forwards = Forwards(self.relay, settings)
        self.sources = SourceTable(self.relay, settings, self._runners[Side.PLAY])
        self.report = StatusReport(
            self.relay,
            self.rtsp,
            settings.server,
            self._runners.items(),
            self.forwards.snapshots,
            self.sources.snapshots,
            lambda: nodes_seen(self.node),
        )
        self.node: ClusterNode | None = None
        """The node that this server is, or a part of; set before the start."""
        self.status_socket: StatusSocket | None = None
        self._socket_follows_settings = False
        self._stopping: asyncio.Task[None] | None = None
        self._drain_ended = asyncio.Event()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that it runs on."""
        return self._loop.beneath

    @property
    def feeds(self) -> MountFeeds:
        """The access units of mounts, for all who need more than packets."""
        if self._feeds is None:
            # Loaded here: a server that hands on packets alone knows of no codec.
            from headwater.feeds.mount_feeds import MountFeeds

            self._feeds = MountFeeds.of(self.relay)
        return self._feeds

    @property
    def decodings(self) -> Decodings:
        """The decoders of mounts, for programs that want frames. Raises ImportError."""
        if self._decodings is None:
            self._decodings = make_decodings(self.relay, self.feeds)
        return self._decodings

    @property
    def transforms(self) -> Transforms:
        """The program's functions over frames. Raises ImportError."""
        if self._transforms is None:
            decodings = self.decodings
            from headwater.libav.transforms.transforms import Transforms

            self._transforms = Transforms(decodings, self.programs)
        return self._transforms

    @property
    def asked_transforms(self) -> tuple[TransformSnapshot, ...]:
        """How the program's functions over frames fare."""
        return () if self._transforms is None else self._transforms.snapshots()

    def _share_port(self, web: Web) -> None:
        """Have browsers come by a port of RTSP where the settings have one number for both."""
        port, server = self.settings.http.port, self.settings.server
        if port and port in {server.publish_port, server.reader_port, server.rtsps_port}:
            web.door.share(port)
            self.rtsp.listeners.share(port, web.door.adopt)

    def be_node(self) -> None:
        """Be a node of a cluster, where the settings say so. Raises ValueError."""
        self.node = make_node(self.relay, self.settings, self.rtsp.sessions.make_way)

    def start(self, hosts: Sequence[str], sources: Mapping[str, PlannedSource]) -> None:
        """Bind the ports of numeric hosts, `""` for every address, and serve.

        `sources` are those that the program added, by path. Raises OSError, with the port in its
        message, where one is taken.
        """
        try:
            self._hosts = tuple(hosts)
            self.callouts.take(self.callouts.prepare(self.settings), self.settings)
            self.rtsp.listeners.open(hosts)
            if self.web is not None:
                self._share_port(self.web)
                self.web.open(hosts)
            look_at_machine(self.settings)
            self.relay.start()
            kept = {} if self.web is None else self.web.api.added.read(self.sources.is_named)
            self.sources.start({**self.given_sources, **kept, **sources})
        except BaseException:
            self.view.own.stop()
            self.rtsp.listeners.close()
            if self.web is not None:
                self.web.abandon()
            self.relay.stop()
            raise
        self.report.state = ServerState.RUNNING

    async def open_status_socket(
        self,
        path: Path,
        on_reload: Callable[[], Awaitable[Applied]] | None,
        *,
        follows_settings: bool,
    ) -> None:
        """Answer `headwater status` on a socket of this path. Raises StatusSocketError.

        `follows_settings`: it moves when they name another.
        """
        status_socket = StatusSocket(
            path,
            steps=self.report.steps,
            health=self.report.health,
            actions={} if on_reload is None else {"reload": on_reload},
        )
        await status_socket.open()
        self.status_socket = status_socket
        self._socket_follows_settings = follows_settings
        logger.info("status socket open", extra={"path": str(path)})

    async def apply(self, change: Callable[[Settings], Settings]) -> Applied:
        """Go by the settings that `change` makes of the present ones, as far as that can be.

        Everything that can be refused is done first: then nothing has changed. Raises OSError,
        ValueError, StatusSocketError, and RuntimeError where the server stops.
        """
        async with self._applying:
            wanted = change(self.settings)
            hosts: Sequence[str] = self._hosts
            if wanted.server.host != self.settings.server.host:
                hosts = await listen_hosts(wanted.server.host)
            # In a thread: loading packages takes longer than media waits.
            await asyncio.to_thread(load_callouts, wanted)
            if self.report.state is not ServerState.RUNNING:
                raise RuntimeError("the server stops; its settings stay as they are")
            blocked = self._blocked(wanted, hosts)
            found = difference(self.settings, wanted, blocked)
            if "server.host" in blocked:
                hosts = self._hosts
            changed = self._take(found.settings, hosts)
        applied = Applied(
            changes=found.changes,
            needs_restart=found.needs_restart,
            changed_mounts=changed,
            untouched_mounts=len(self.relay.mounts) - len(changed),
        )
        self._note(applied)
        return applied

    def _blocked(self, wanted: Settings, hosts: Sequence[str]) -> dict[str, str]:
        """Return keys that could be changed in another server, but not in this one now, and why."""
        blocked = {}
        if reason := self.rtsp.listeners.blocked(hosts, wanted.server):
            blocked["server.host"] = reason
        if self.status_socket is None or not wanted.control.status_socket:
            blocked["control.status_socket"] = "it is opened and closed only with the server"
        return blocked

    def _take(self, settings: Settings, hosts: Sequence[str]) -> tuple[str, ...]:
        """Go by settings of which a running server can take all; the mounts that this changed.

        Nothing is awaited: no request sees one half of them.
        """
        before = self.settings
        tls = self.relay.certificates.tls
        if settings.tls != before.tls:
            tls = ServerTls(settings.tls) if settings.tls.enabled else None
        callouts = self.callouts.prepare(settings)
        ports = self.rtsp.listeners.prepare(hosts, settings)
        try:
            self._move_status_socket(settings, ports.ports[Side.PUBLISH])
        except BaseException:
            ports.give_up()
            raise
        self.settings, self._hosts = settings, tuple(hosts)
        if tls is not self.relay.certificates.tls:
            self.relay.certificates.take(tls)
        changed = self.relay.apply(settings)
        self.callouts.take(callouts, settings)
        self.sources.apply(settings)
        self.rtsp.apply(settings, ports)
        if self.web is not None:
            self.web.apply(settings)
        if self.node is not None:
            self.node.apply(settings.cluster)
        if settings.access != before.access:
            self.rtsp.connections.forget_grants()
        self.report.listen = settings.server
        if settings.sockets != before.sockets:
            look_at_machine(settings)
        self.relay.path_watch.apply(before, settings)
        return changed

    def _move_status_socket(self, settings: Settings, publish_port: int) -> None:
        """Have the status socket where the settings say, unless the program chose its place."""
        if self.status_socket is not None and self._socket_follows_settings:
            path = status_socket_path(settings.control.status_socket, publish_port)
            self.status_socket.move(path)

    def _note(self, applied: Applied) -> None:
        self.report.settings = SettingsStatus(
            self._loop.time(),
            len(applied.changes),
            tuple(change.key for change in applied.needs_restart),
        )
        logger.info(
            "settings applied",
            extra={
                "changed": len(applied.changes),
                "need_restart": len(applied.needs_restart),
                "mounts_changed": len(applied.changed_mounts),
                "mounts_untouched": applied.untouched_mounts,
            },
        )
        for change in applied.changes[:_MOST_LOGGED]:
            logger.info("setting changed", extra={"setting": str(change)})
        for change in applied.needs_restart[:_MOST_LOGGED]:
            logger.warning("setting needs a restart", extra={"setting": str(change)})

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
            self.view.own.stop()
            self.rtsp.listeners.close()
            if self.web is not None:
                self.web.abandon()

    async def _stop(self, drain_s: float) -> None:
        self.report.state = ServerState.DRAINING
        relay = self.relay
        relay.draining = True
        try:
            self.view.own.stop()
            if self.node is not None:
                # Before the ports close: for a moment nodes pull the sources that move from here.
                await self.node.drain()
            self.rtsp.listeners.close()
            if self.web is not None:
                self.web.close()
            if drain_s > 0:
                await self._drain(drain_s)
            await self.forwards.aclose()
            if self._transforms is not None:
                await self._transforms.close()
            relay.stop()
            relay.departures.finish()
            self.sources.close()
            relay.mounts.close("server stopped")
            relay.departures.finish()
            for end in relay.ends:
                relay.send_away(end, "server stopped")
            await self._close_connections()
            if self.web is not None:
                await self.web.aclose()
            await self.sources.closed()
            if self.node is not None:
                await self.node.stop()
            for runner in self._runners.values():
                await runner.aclose()
            await self.callouts.aclose(self.settings.hooks.stop_grace_s)
            await relay.admission.aclose()
        finally:
            relay.events.close()
            if self._decodings is not None:
                self._decodings.close()
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

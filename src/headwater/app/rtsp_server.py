"""`RtspServer`: the whole server as one object, to run or to embed."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import Any, Self

from headwater.app.companion import Companion
from headwater.app.frame_access import FrameAccess
from headwater.app.media_access import MediaAccess
from headwater.app.mount_path import rooted
from headwater.app.own_part import SourceChange
from headwater.app.running_server import RunningServer
from headwater.app.signals import ENDING_SIGNALS, signals_taken
from headwater.app.start_refusal import start_refusal
from headwater.config.applied import Applied
from headwater.config.difference import difference
from headwater.config.path_section import PathSection, path_sections
from headwater.config.settings import Settings
from headwater.control.socket_path import status_socket_path
from headwater.control.status import Health, ServerStatus
from headwater.hooks import Hooks
from headwater.log_pace import paced_logger
from headwater.media.snapshot import MountSnapshot
from headwater.net.listen_hosts import listen_hosts
from headwater.relay.counters import ServerCounters
from headwater.relay.end import SessionSnapshot
from headwater.server.request_uri import encode_path
from headwater.side import Side
from headwater.sources.plan import PlannedSource
from headwater.sources.settings import SourceSettings

logger = paced_logger(__name__)

_ANY_HOSTS = frozenset({"", "0.0.0.0", "::"})


class RtspServer(MediaAccess, FrameAccess):
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
        paths: settings of chosen mounts, by path or pattern: `{"cams/*": {"grace_s": 60}}`.
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
        paths: Mapping[str, PathSection | Mapping[str, Any]] | None = None,
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
            paths={**base.paths, **path_sections(paths or {})},
        )
        self.publish_hooks = Hooks.from_object(publish_hooks)
        # The same object on both sides stays one: what concerns both is told once.
        same = play_hooks is publish_hooks and publish_hooks is not None
        self.play_hooks = self.publish_hooks if same else Hooks.from_object(play_hooks)
        self._check_hooks()
        self._added_sources: dict[str, PlannedSource] = {}
        self._running: RunningServer | None = None
        self._companion: Companion | None = None

    @property
    def running(self) -> bool:
        """Whether the server is started and not stopped, and the loop that it runs on is open."""
        return self._running is not None and not self._running.loop.is_closed()

    @property
    def publish_port(self) -> int:
        """The port that publishers use; the bound one while the server runs."""
        return self._port(Side.PUBLISH, self.settings.server.publish_port)

    @property
    def play_port(self) -> int:
        """The port that readers use; the bound one while the server runs."""
        return self._port(Side.PLAY, self.settings.server.reader_port)

    @property
    def http_port(self) -> int | None:
        """The port for browsers; the bound one while the server runs. None: there is none."""
        running = self._running
        if running is None or running.web is None:
            return self.settings.http.port
        return running.web.port

    @property
    def mounts(self) -> Mapping[str, MountSnapshot]:
        """The mounts as they are now, by path: a copy to keep, from the loop's thread."""
        mounts = () if self._running is None else self._running.relay.mounts
        return MappingProxyType({mount.path: mount.snapshot() for mount in mounts})

    @property
    def sessions(self) -> Mapping[str, SessionSnapshot]:
        """The sessions as they are now, by id: a copy to keep, from the loop's thread."""
        ends = () if self._running is None else self._running.relay.ends
        return MappingProxyType({end.id: end.snapshot() for end in ends})

    @property
    def counters(self) -> ServerCounters:
        """What the server counted since it started. Raises RuntimeError when it is not running."""
        return self._required().relay.counters

    @property
    def udp_pairs_in_use(self) -> int:
        """UDP port pairs that publishers and readers hold now; 0 while the server is stopped."""
        return 0 if self._running is None else self._running.relay.transports.ports.in_use

    def status(self) -> ServerStatus:
        """Return everything about the server as it is now: a copy to keep, from the loop's thread.

        With thousands of readers and sessions this takes milliseconds. Raises RuntimeError when
        the server is not running.
        """
        return self._required().report.status()

    def health(self) -> Health:
        """State, age and the chief numbers. Raises RuntimeError when the server is not running."""
        return self._required().report.health()

    def reload_certificates(self) -> None:
        """Read the TLS files again, for the connections that come next.

        They are read by themselves within 5 seconds of a change. What cannot be used is logged,
        and the old certificate stays. Without TLS this does nothing.
        """
        if self._running is not None:
            self._running.relay.certificates.reload()

    async def apply(self, settings: Settings) -> Applied:
        """Go by other settings while the server runs; only what differs is touched.

        All of them at once, or none: what can be refused is checked first, a port is bound before
        an old one closes. Publishers, readers and mounts go on and lose no packet. When each
        setting applies is in docs/configuration.md; what needs a restart stays as it was, in
        `settings` too. On a server that is not running they are those of its start.

        Raises:
            ValueError: the certificate cannot be used, or the settings do not go together with
                what needs a restart.
            OSError: a port is taken or the address is not of this machine; the message says which.
            StatusSocketError: the status socket cannot be moved.
            RuntimeError: the server stops, or runs on another event loop.
        """
        return await self._apply(lambda _: settings)

    async def set_path(self, pattern: str, settings: PathSection | Mapping[str, Any]) -> Applied:
        """Say how the mounts of a path, or of a pattern of paths, differ: `[paths."…"]` of a file.

        A pattern that has settings already gets these instead. Raises ValueError for a key, value
        or pattern that cannot be, and what `apply` raises.
        """
        sections = path_sections({pattern: settings})
        return await self._apply(lambda now: replace(now, paths={**now.paths, **sections}))

    async def remove_path(self, pattern: str) -> Applied:
        """Forget what `set_path`, the constructor or a file said of a path or pattern.

        Raises LookupError where nothing was said of it, and what `apply` raises.
        """

        def without(now: Settings) -> Settings:
            if pattern not in now.paths:
                raise LookupError(f'there are no settings of paths."{pattern}"')
            left = {name: section for name, section in now.paths.items() if name != pattern}
            return replace(now, paths=left)

        return await self._apply(without)

    async def add_source(self, path: str, url: str, **options: Any) -> None:
        """Have the server fetch a path from a URL by itself, such as a camera's `rtsp://…`.

        It is started at once and again whenever it ends, with pauses; with `on_demand=True` only
        while somebody reads it. Nobody else can publish on the path. It stays over `apply` and a
        stop, and goes before what settings say of the path. Of several workers one fetches it, for
        the readers of all; whichever of them was told, all know of it.

        Args:
            path: the path of the mount.
            url: where to fetch it; `${NAME}` stands for a variable of the environment.
            options: those of `SourceSettings`, such as `transport="tcp"` or `on_demand=True`.

        Raises:
            ValueError: the URL, or an option, cannot be used.
            TypeError: there is no such option.
            RuntimeError: the path has a source that was added.
        """
        path = rooted(path)
        planned = PlannedSource(SourceSettings(source=url, **options))
        if not url:
            raise ValueError("the source's URL is empty")
        if path in self._added_sources:
            raise RuntimeError(f"{path} has a source; remove it first")
        running = self._running
        if running is not None:
            running.sources.add(path, planned)
        self._added_sources[path] = planned
        if running is not None:
            await running.view.tell_source(path, planned)

    async def remove_source(self, path: str) -> None:
        """End a source that `add_source` gave, and wait until everything of it is given back.

        Its mount closes; readers are told. Raises LookupError where none was added for the path.
        """
        path = rooted(path)
        if self._added_sources.pop(path, None) is None:
            raise LookupError(f"no source was added for {path}")
        running = self._running
        if running is not None:
            await running.view.tell_source(path, None)
            await running.view.own.set_source(SourceChange(path, None))

    async def open_status_socket(
        self, path: str | None = None, *, on_reload: Callable[[], Awaitable[Applied]] | None = None
    ) -> str:
        """Let `headwater status` ask this server until it stops; returns the socket's path.

        `path` goes before the setting `control.status_socket`, whose `auto` is a path that
        `headwater status` finds by itself. Empty opens none. A second call does nothing.

        `on_reload` is what `headwater reload` calls: it reads the program's configuration anew and
        returns what `apply` made of it. What it raises is told to whoever asked. Without it, the
        command is told that this server has no file to read.

        Raises:
            RuntimeError: the server is not running.
            StatusSocketError: the socket cannot be opened; the message says why.
        """
        running = self._required()
        running.on_reload = on_reload or running.on_reload
        if running.status_socket is not None:
            return str(running.status_socket.path)
        chosen = self.settings.control.status_socket if path is None else path
        if not chosen:
            return ""
        where = status_socket_path(chosen, self.publish_port)
        await running.open_status_socket(where, on_reload, follows_settings=path is None)
        return str(where)

    def publish_url(self, path: str) -> str:
        """Return the URL to publish a mount on, for players and tools on this machine.

        Raises RuntimeError before the start where the port is 0, which the start picks.
        """
        return self._url("publish_port", self.publish_port, path)

    def play_url(self, path: str) -> str:
        """Return the URL to play a mount from, as `publish_url`."""
        return self._url("play_port", self.play_port, path)

    def http_url(self, path: str) -> str:
        """Return the URL of a mount for browsers, as `publish_url`.

        Raises RuntimeError where there is no port for them: see `http.port`.
        """
        port = self.http_port
        if port is None:
            raise RuntimeError("http.port is not set: there is no port for browsers")
        return self._url("http.port", port, path, schemes=("http", "https"))

    async def start(self) -> None:
        """Bind the ports and serve, until `stop`.

        Raises:
            OSError: a port is taken or the address is not of this machine; the message says which.
            RuntimeError: the server runs already.
            ValueError: a hook is on a side that never calls it, a certificate cannot be used, or
                `http.port` is set and the extra `web` is not installed.
        """
        hosts = await listen_hosts(self.settings.server.host)
        self._forget_closed_loop()
        if self._running is not None:
            raise RuntimeError("the server runs already; stop it first")
        self._check_hooks()
        running = self._make_running()
        if self._companion is not None:
            self._companion.begins(running)
        else:
            running.be_node()
        try:
            running.start(hosts, self._added_sources)
        except OSError as error:
            # The way from here to the socket helps nobody.
            raise start_refusal(error) from None
        self._running = running
        if running.node is not None:
            url = self._url_for_nodes()
            await running.node.start(running.sources, url=url)
        if self._companion is not None:
            self._companion.serves()
        ports = running.relay.transports.ports
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
        running = self._running
        if running is None:
            return
        if running.loop is not asyncio.get_running_loop():
            raise RuntimeError("the server runs on another event loop; stop it there")
        if self._companion is not None:
            self._companion.ends()
        try:
            await running.stop(self.settings.server.drain_s if drain_s is None else drain_s)
        finally:
            if self._companion is not None:
                self._companion.ended()

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
        return self._required().relay.close_by_id(session_id, reason)

    async def close_mount(self, path: str, reason: str = "closed by the owner") -> bool:
        """Close a mount, its publisher and, a few at a time, its readers; False without one."""
        mount = self._required().relay.mounts.get(path)
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

    async def _apply(self, change: Callable[[Settings], Settings]) -> Applied:
        self._forget_closed_loop()
        running = self._running
        if running is None:
            wanted = change(self.settings)
            found = difference(self.settings, wanted)
            self.settings = wanted
            return Applied(changes=found.changes + found.needs_restart)
        if running.loop is not asyncio.get_running_loop():
            raise RuntimeError("the server runs on another event loop; apply settings there")
        applied = await running.apply(change)
        self.settings = running.settings
        return applied

    def _make_running(self) -> RunningServer:
        return RunningServer(
            self.settings,
            asyncio.get_running_loop(),
            {Side.PUBLISH: self.publish_hooks, Side.PLAY: self.play_hooks},
            self._forget_running,
        )

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
        if self._running is None or not self._running.loop.is_closed():
            return
        self._running.abandon()
        self._running = None
        # Peers and sockets know each other in circles: now, not some day, their ports are free.
        gc.collect()
        logger.warning("the event loop was closed before the server was stopped")

    def _forget_running(self) -> None:
        self._running = None

    def _required(self) -> RunningServer:
        if self._running is None:
            raise RuntimeError("the server is not running; start it first")
        return self._running

    def _port(self, side: Side, configured: int) -> int:
        return configured if self._running is None else self._running.rtsp.ports[side]

    def _url_for_nodes(self) -> str:
        """Return where other machines reach this server, as far as it knows by itself."""
        host = self.settings.server.host
        host = socket.gethostname() if host in _ANY_HOSTS else host
        return server_url(host, self.play_port, "", scheme="rtsp")

    def _url(
        self,
        setting: str,
        port: int,
        path: str,
        *,
        schemes: tuple[str, str] = ("rtsp", "rtsps"),
    ) -> str:
        if not port:
            raise RuntimeError(f"{setting} is 0: the port is known once the server is started")
        settings = self.settings
        secure = settings.server.tls_only if schemes[0] == "rtsp" else settings.http.tls_only
        return server_url(settings.server.host, port, path, scheme=schemes[secure])


def go_with(server: RtspServer, companion: Companion) -> None:
    """Give a server a companion, from its next start on."""
    server._companion = companion  # noqa: SLF001 - nothing that a program should see


def server_url(host: str, port: int, path: str, *, scheme: str) -> str:
    """Return the URL of a mount for players and tools on this machine."""
    host = "127.0.0.1" if host in _ANY_HOSTS else host
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}:{port}{encode_path('/' + path.lstrip('/'))}"

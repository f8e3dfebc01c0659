"""The TCP ports that all workers of a server share, and the URLs on them."""

from __future__ import annotations

from dataclasses import replace

from headwater.app.cluster import named
from headwater.app.rtsp_server import server_url
from headwater.app.workers.accepted_ports import AcceptedPorts, Give
from headwater.config.settings import Settings
from headwater.control.settings import AUTO
from headwater.net.event_loop import EventLoop
from headwater.net.held_ports import HeldPorts
from headwater.net.listen_hosts import listen_hosts


class FleetPorts:
    """The ports of one server with several workers, held by its supervisor.

    Attributes:
        by_name: the number of each port, by the name of its setting.
    """

    def __init__(self, settings: Settings, loop: EventLoop, give: Give) -> None:
        """`give` hands on what this process accepts, where the kernel spreads no connections."""
        self.by_name: dict[str, int] = {}
        self._settings = settings
        self._held: AcceptedPorts | HeldPorts = HeldPorts()
        if settings.workers.supervisor_accepts:
            self._held = AcceptedPorts(loop, give, backlog=settings.server.backlog)

    @property
    def publish(self) -> int:
        """The port that publishers use."""
        return self.by_name["publish_port"]

    @property
    def play(self) -> int:
        """The port that readers use."""
        return self.by_name["play_port"]

    @property
    def http(self) -> int | None:
        """The port for browsers; None: there is none."""
        return self.by_name.get("http_port")

    def publish_url(self, path: str) -> str:
        """Return the URL to publish a mount on, for players and tools on this machine."""
        return self._url(self.publish, path, "rtsp", secure=self._settings.server.tls_only)

    def play_url(self, path: str) -> str:
        """Return the URL to play a mount from, as `publish_url`."""
        return self._url(self.play, path, "rtsp", secure=self._settings.server.tls_only)

    def http_url(self, path: str) -> str:
        """Return the URL of a mount for browsers on this machine; empty without such a port."""
        if self.http is None:
            return ""
        return self._url(self.http, path, "http", secure=self._settings.http.tls_only)

    def _url(self, port: int, path: str, scheme: str, *, secure: bool) -> str:
        return server_url(self._settings.server.host, port, path, scheme=scheme + "s" * secure)

    async def hold(self, settings: Settings) -> None:
        """Hold the ports of some settings; one that they leave open stays as it was picked.

        Those of before stay held until `go_by`. Raises OSError where a port is taken, ValueError
        where the settings have one port for two things; nothing more is held then.
        """
        hosts = await listen_hosts(settings.server.host)
        old = _port_settings(self._settings)
        ports: dict[str, int] = {}
        one_port = settings.server.reader_port == settings.server.publish_port
        try:
            for name, number in _port_settings(settings).items():
                if name == "play_port" and one_port:
                    ports[name] = ports["publish_port"]
                elif number == 0 == old.get(name) and name in self.by_name:
                    ports[name] = self.by_name[name]
                else:
                    ports[name] = self._held.hold(hosts, number)
        except BaseException:
            self.go_back(self.by_name)
            raise
        self.by_name = ports

    def go_by(self, settings: Settings) -> None:
        """Go by settings whose ports are held from now on, and release all other ports."""
        self._settings = settings
        self._held.keep(tuple(self.by_name.values()))

    def go_back(self, by_name: dict[str, int]) -> None:
        """Have the ports of before again, and release those that were held since."""
        self.by_name = by_name
        self._held.keep(tuple(by_name.values()))

    def resolved(self, settings: Settings) -> Settings:
        """Return the settings with the ports that were picked, and a node's name of them."""
        publish, play = self.publish, self.play
        server = replace(
            settings.server, publish_port=publish, play_port=None if play == publish else play
        )
        http = replace(settings.http, port=self.http)
        api = settings.api
        if not settings.server.publish_port and api.sources_file == AUTO:
            # Of a port that was picked, another start would not find the file.
            api = replace(api, sources_file="")
        settings = replace(settings, server=server, http=http, api=api)
        return replace(settings, cluster=named(settings)) if settings.cluster.url else settings

    def takes(self, worker: str, port: int, *, takes: bool) -> None:
        """Note that a worker takes the connections of a port from now on, or no more."""
        if isinstance(self._held, AcceptedPorts):
            self._held.takes(worker, port, takes=takes)

    def leave(self, worker: str) -> None:
        """Give nothing more to a worker that is gone."""
        if isinstance(self._held, AcceptedPorts):
            self._held.leave(worker)

    def release(self) -> None:
        """Release all ports; a second call does nothing."""
        self._held.release()


def _port_settings(settings: Settings) -> dict[str, int]:
    """Return the TCP ports that the settings ask for, 0 for any free one."""
    server, http = settings.server, settings.http
    ports = {"publish_port": server.publish_port, "play_port": server.reader_port}
    if server.rtsps_port:
        ports["rtsps_port"] = server.rtsps_port
    if http.port is not None:
        if http.port and http.port in ports.values():
            raise ValueError(
                f"http.port is {http.port}, which is a port of RTSP: with several workers one of "
                "them alone serves browsers, so they need a port of their own"
            )
        ports["http_port"] = http.port
    return ports

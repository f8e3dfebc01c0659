"""Settings of the RTSP server: where it listens, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from headwater.applies import NEXT_CONNECTION, NEXT_SESSION, NOW
from headwater.net.listen_hosts import host_complaint
from headwater.server.quirks import told_timeout_s
from headwater.setting_fields import take_fields


def _require_positive(settings: object, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if value <= 0:
            raise ValueError(f"{name} is {value}; it must be above 0")


def _require_port(settings: object, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if not 0 <= value <= 65535:
            raise ValueError(f"{name} is {value}; a port is from 0 (any free one) to 65535")


_MOST_BACKLOG = 65_535
"""The most that net.core.somaxconn is set to; `listen` takes no more than a C int."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSettings:
    """Where the server listens and how it names itself."""

    host: Annotated[
        str,
        NOW,
        "Address to listen on: an IPv4 or IPv6 address, or a host name, which stands for all of "
        "its addresses. Empty listens on every address of the machine, IPv4 and IPv6.",
    ] = ""
    publish_port: Annotated[
        int,
        NOW,
        "TCP port for publishers (ANNOUNCE, RECORD), and for readers too unless play_port is "
        "another port. 0 picks a free port and logs it.",
    ] = 8554
    play_port: Annotated[
        int | None,
        NOW,
        "TCP port for readers (DESCRIBE, PLAY), if they have a port of their own. If it is "
        "unset, or the same number as publish_port (also if both are 0), one port serves both. "
        "0 picks a free port.",
    ] = None
    rtsps_port: Annotated[
        int,
        NOW,
        "TCP port that accepts TLS only, for publishers and readers. 0: no such port. If `tls` "
        "has a certificate, the other ports accept TLS as well; the server knows TLS by the "
        "first byte of a connection.",
    ] = 0
    tls_only: Annotated[
        bool,
        NEXT_CONNECTION,
        "Refuse connections without TLS on every port. It needs a certificate in `tls`.",
    ] = False
    proxy_protocol_from: Annotated[
        tuple[str, ...],
        NEXT_CONNECTION,
        "Addresses or networks (`10.0.0.5`, `10.0.0.0/8`) of proxies whose connections begin "
        "with a PROXY header (version 1 or 2) that names the real peer. From any other address, "
        "such a header is an unreadable request.",
    ] = ()
    server_name: Annotated[
        str, NOW, "Text of the Server header in every answer. Empty: no such header."
    ] = "Headwater"
    backlog: Annotated[
        int,
        NOW,
        "How many connections the kernel may hold until the server accepts them. The kernel "
        "allows at most net.core.somaxconn.",
    ] = 1024
    drain_s: Annotated[
        float,
        NOW,
        "How many seconds readers may go on after the server was told to stop. Then the server "
        "closes them. 0: it closes them at once.",
    ] = 0.0

    def __post_init__(self) -> None:
        take_fields(self)
        if complaint := host_complaint(self.host):
            raise ValueError(f"host is {self.host!r}; {complaint}")
        _require_port(self, "publish_port", "rtsps_port")
        if self.play_port is not None:
            _require_port(self, "play_port")
        if self.rtsps_port and self.rtsps_port in {self.publish_port, self.play_port}:
            raise ValueError(
                f"rtsps_port is {self.rtsps_port}, which is another port of the server; a port "
                "that serves both needs no setting, only a certificate"
            )
        self.proxy_networks()
        if not 1 <= self.backlog <= _MOST_BACKLOG:
            raise ValueError(f"backlog is {self.backlog}; it must be from 1 to {_MOST_BACKLOG}")
        if not self.server_name.isprintable():
            raise ValueError(f"server_name is {self.server_name!r}; it must be printable text")
        if self.drain_s < 0:
            raise ValueError(f"drain_s is {self.drain_s}; it must be 0 or more")

    @property
    def reader_port(self) -> int:
        """The port for readers: play_port, or publish_port where that is unset."""
        return self.publish_port if self.play_port is None else self.play_port

    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return the networks of `proxy_protocol_from`. Raises ValueError for what is none."""
        try:
            return tuple(ip_network(text) for text in self.proxy_protocol_from)
        except ValueError as error:
            raise ValueError(f"proxy_protocol_from: {error}") from None


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionSettings:
    """How long sessions and connections live without a sign of life."""

    timeout_s: Annotated[
        float,
        NEXT_SESSION,
        "A session ends after this many seconds without a sign of life. Signs of life are a "
        "request, a receiver report, a TCP socket that takes data, and a publisher's packets.",
    ] = 30.0
    setup_timeout_s: Annotated[
        float,
        NOW,
        "A session that neither records nor plays ends after this many seconds, whatever else "
        "its peer asks meanwhile, because it holds ports and a path that others want.",
    ] = 60.0
    advertised_margin_s: Annotated[
        float,
        NEXT_SESSION,
        "The Session header tells the client a time-out that is this many seconds shorter than "
        "timeout_s, because some clients send their keep-alive exactly at the time-out. At most "
        "half of timeout_s is subtracted.",
    ] = 5.0

    def __post_init__(self) -> None:
        take_fields(self)
        _require_positive(self, "timeout_s", "setup_timeout_s")
        if self.advertised_margin_s < 0:
            raise ValueError(
                f"advertised_margin_s is {self.advertised_margin_s}; it must be 0 or more"
            )

    @property
    def advertised_timeout_s(self) -> int:
        """The time-out that the Session header tells, whole seconds, at least 1."""
        return told_timeout_s(self.timeout_s, self.advertised_margin_s)

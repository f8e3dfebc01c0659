"""Settings of the RTSP server: where it listens, how long it waits, how much it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated


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


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSettings:
    """Where the server listens and how it names itself."""

    host: Annotated[
        str,
        "Address to listen on: an IPv4 or IPv6 address or a host name. Empty listens on every "
        "address of the machine, IPv4 and IPv6.",
    ] = ""
    publish_port: Annotated[
        int,
        "TCP port for publishers (ANNOUNCE, RECORD). The same number as play_port serves both "
        "on one port. 0 picks a free port and logs it.",
    ] = 8554
    play_port: Annotated[
        int,
        "TCP port for readers (DESCRIBE, PLAY). The same number as publish_port serves both on "
        "one port. 0 picks a free port, unless publish_port is 0 too: then both share one.",
    ] = 8554
    server_name: Annotated[
        str, "Text of the Server header in every answer; empty leaves the header out."
    ] = "Headwater"
    backlog: Annotated[
        int, "Connections that the kernel may hold until the server accepts them."
    ] = 1024
    drain_s: Annotated[
        float,
        "Seconds that readers may go on after the server was told to stop, before it closes "
        "them; 0 closes at once.",
    ] = 0.0

    def __post_init__(self) -> None:
        _require_port(self, "publish_port", "play_port")
        _require_positive(self, "backlog")
        if self.drain_s < 0:
            raise ValueError(f"drain_s is {self.drain_s}; it must be 0 or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionSettings:
    """How long sessions and connections live without a sign of life."""

    timeout_s: Annotated[
        float,
        "Seconds after which a session without a sign of life ends: a request, a receiver "
        "report, a TCP socket that takes data, a publisher's packets.",
    ] = 30.0
    advertised_margin_s: Annotated[
        float,
        "How many seconds less than timeout_s the Session header tells the client, for clients "
        "that send their keep-alive exactly at the time-out.",
    ] = 5.0

    def __post_init__(self) -> None:
        _require_positive(self, "timeout_s")
        if not 0 <= self.advertised_margin_s < self.timeout_s:
            raise ValueError(
                f"advertised_margin_s is {self.advertised_margin_s}; it must be from 0 to less "
                f"than timeout_s ({self.timeout_s})"
            )

    @property
    def advertised_timeout_s(self) -> int:
        """The time-out that the Session header tells, whole seconds, at least 1."""
        return max(1, int(self.timeout_s - self.advertised_margin_s))

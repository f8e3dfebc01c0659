"""Settings of the RTSP server: where it listens, how long it waits, how much it takes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from headwater.net.listen_hosts import host_complaint
from headwater.protocol.wire_limits import DescriptionLimits, WireLimits
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
        "Address to listen on: an IPv4 or IPv6 address, or a host name, which stands for all of "
        "its addresses. Empty listens on every address of the machine, IPv4 and IPv6.",
    ] = ""
    publish_port: Annotated[
        int,
        "TCP port for publishers (ANNOUNCE, RECORD), and for readers unless play_port says "
        "otherwise. 0 picks a free port and logs it.",
    ] = 8554
    play_port: Annotated[
        int | None,
        "TCP port for readers (DESCRIBE, PLAY) where they have one of their own. Unset, or the "
        "same number as publish_port (0 and 0 as well), one port serves both. 0 picks a free one.",
    ] = None
    rtsps_port: Annotated[
        int,
        "TCP port that takes TLS alone, for publishers and readers; 0: none. Where `tls` has a "
        "certificate, the other ports take TLS as well, told by a connection's first byte.",
    ] = 0
    tls_only: Annotated[
        bool, "Refuse connections without TLS on every port; needs a certificate in `tls`."
    ] = False
    proxy_protocol_from: Annotated[
        tuple[str, ...],
        "Addresses or networks (`10.0.0.5`, `10.0.0.0/8`) of proxies whose connections begin "
        "with a PROXY header, version 1 or 2, that tells the real peer. From any other address "
        "such a header is an unreadable request.",
    ] = ()
    server_name: Annotated[
        str, "Text of the Server header in every answer; empty leaves the header out."
    ] = "Headwater"
    backlog: Annotated[
        int,
        "Connections that the kernel may hold until the server accepts them; it caps them at "
        "net.core.somaxconn.",
    ] = 1024
    drain_s: Annotated[
        float,
        "Seconds that readers may go on after the server was told to stop, before it closes "
        "them; 0 closes at once.",
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
        """The networks of `proxy_protocol_from`. Raises ValueError for what is none."""
        try:
            return tuple(ip_network(text) for text in self.proxy_protocol_from)
        except ValueError as error:
            raise ValueError(f"proxy_protocol_from: {error}") from None


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionSettings:
    """How long sessions and connections live without a sign of life."""

    timeout_s: Annotated[
        float,
        "Seconds after which a session without a sign of life ends: a request, a receiver "
        "report, a TCP socket that takes data, a publisher's packets.",
    ] = 30.0
    setup_timeout_s: Annotated[
        float,
        "Seconds after which a session ends that has not begun to record or play, whatever else "
        "its peer asks meanwhile: it holds ports and a path that others want.",
    ] = 60.0
    advertised_margin_s: Annotated[
        float,
        "How many seconds less than timeout_s the Session header tells the client, for clients "
        "that send their keep-alive exactly at the time-out; at most half of timeout_s counts.",
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


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitSettings:
    """How much the server takes from its peers, in all and from each."""

    connections: Annotated[
        int, "TCP connections in all. A further one gets 503 with Retry-After and is closed."
    ] = 10000
    connections_per_address: Annotated[
        int, "TCP connections from one address. A further one gets 503 and is closed."
    ] = 2000
    ipv6_prefix_bits: Annotated[
        int,
        "How many bits of an IPv6 address count as one address for the limits by address: a site "
        "has a whole /64 to come from. 128 counts each address.",
    ] = 64
    sessions: Annotated[int, "Sessions in all. A further SETUP or ANNOUNCE gets 503."] = 10000
    sessions_per_address: Annotated[
        int, "Sessions from one address. A further SETUP or ANNOUNCE gets 503."
    ] = 2000
    sessions_per_connection: Annotated[
        int, "Sessions on one connection. A further SETUP or ANNOUNCE gets 503."
    ] = 16
    publishers: Annotated[int, "Publishers in all. A further ANNOUNCE gets 503."] = 5000
    tracks_per_mount: Annotated[int, "Tracks an ANNOUNCE may describe. More gets 413."] = 16
    description_lines: Annotated[int, "Lines of the description in an ANNOUNCE. More gets 413."] = (
        500
    )
    description_items: Annotated[
        int,
        "Formats and format parameters (`a=fmtp`) of one track of a description, together. More "
        "gets 413.",
    ] = 256
    description_bytes_total: Annotated[
        int,
        "Bytes that the descriptions of all publishers may take together; they are kept as long "
        "as the session. A further ANNOUNCE gets 503.",
    ] = 64 << 20
    requests_per_s: Annotated[
        float,
        "Requests a connection may send a second, averaged; a body counts as one more for every "
        "8,192 bytes. Above it the connection is read more slowly, nothing is refused.",
    ] = 100.0
    header_bytes: Annotated[
        int, "Bytes of a request's line and headers together. More gets 400 and a close."
    ] = 16384
    header_count: Annotated[int, "Header lines of a request. More gets 400 and a close."] = 100
    header_items: Annotated[
        int,
        "Commas, semicolons and quotes in one header of a request, which part transports, tags "
        "and parameters. More gets 400 and a close.",
    ] = 100
    body_bytes: Annotated[int, "Bytes of a request's body. More gets 413 and a close."] = 131072
    uri_bytes: Annotated[int, "Bytes of a request's URL. More gets 414."] = 4096
    path_bytes: Annotated[int, "Bytes of a mount's path. More gets 414."] = 1024
    publisher_bits_per_s: Annotated[
        float,
        "Bits a second that a publisher may send, averaged over 5 seconds; above it the "
        "publisher is closed. 0: no limit.",
    ] = 0.0
    publisher_packets_per_s: Annotated[
        float,
        "RTP packets a second that a publisher may send, averaged over 5 seconds; above it the "
        "publisher is closed: each packet costs work for each reader, however small it is. 0: no "
        "limit.",
    ] = 50_000.0
    reader_queue_bytes_total: Annotated[
        int,
        "Bytes queued for all TCP readers together: media, RTCP and answers on every connection "
        "that set up a reader over TCP. Above it the readers with a queue lose packets, up to "
        "the next key frame, until it is below again. It is passed by no more than one batch of "
        "packets for each reader.",
    ] = 1 << 30
    answer_queue_bytes_total: Annotated[
        int,
        "Bytes of answers queued for all connections without a TCP reader together; above it a "
        "connection must take all of its answers before its next request is read, so it is "
        "passed by no more than one answer for each. One connection alone is read no further "
        "while 32 KiB of answers wait for it.",
    ] = 16 << 20
    gop_cache_bytes_total: Annotated[
        int,
        "Bytes of memory that the packets kept since the last key frames may take, of all mounts "
        "together; above it the mounts that keep most keep nothing until their next key frame, "
        "and readers begin live.",
    ] = 256 << 20
    first_byte_timeout_s: Annotated[
        float, "Seconds a new connection may take to send its first byte. Then it is closed."
    ] = 10.0
    request_timeout_s: Annotated[
        float, "Seconds from the first byte of a request to its last. Then 408 and a close."
    ] = 10.0
    idle_connection_timeout_s: Annotated[
        float,
        "Seconds a connection without a session may stay without a request. Then it is closed.",
    ] = 60.0
    write_stall_timeout_s: Annotated[
        float,
        "Seconds that anything may wait for a peer to take it, whether the peer takes nothing or "
        "too little. Then its connection is closed. A reader that plays over TCP has "
        "slow_reader_disconnect_s of its mount instead.",
    ] = 10.0

    def __post_init__(self) -> None:
        take_fields(self)
        optional = {"publisher_bits_per_s", "publisher_packets_per_s"}
        names = [field.name for field in fields(self) if field.name not in optional]
        _require_positive(self, *names)
        if self.ipv6_prefix_bits > 128:
            raise ValueError(
                f"ipv6_prefix_bits is {self.ipv6_prefix_bits}; it must be from 1 to 128"
            )
        for name in optional:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")

    def wire_limits(self) -> WireLimits:
        """The part that the parser of requests keeps."""
        return WireLimits(
            max_header_bytes=self.header_bytes,
            max_header_count=self.header_count,
            max_header_items=self.header_items,
            max_body_bytes=self.body_bytes,
            max_uri_bytes=self.uri_bytes,
        )

    def description_limits(self) -> DescriptionLimits:
        """The part that the parser of descriptions keeps."""
        return DescriptionLimits(
            max_lines=self.description_lines,
            max_tracks=self.tracks_per_mount,
            max_items=self.description_items,
        )


_SETTINGS = {
    "max_header_bytes": "header_bytes",
    "max_header_count": "header_count",
    "max_header_items": "header_items",
    "max_body_bytes": "body_bytes",
    "max_uri_bytes": "uri_bytes",
    "max_lines": "description_lines",
    "max_tracks": "tracks_per_mount",
    "max_items": "description_items",
}


def setting_of_limit(limit: str) -> str:
    """The setting that bounds what a parser calls so."""
    return f"limits.{_SETTINGS[limit]}"

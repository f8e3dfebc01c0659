"""Settings of what the server takes from its peers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated

from headwater.applies import NEXT_CONNECTION, NOW, needs_restart
from headwater.protocol.wire_limits import DescriptionLimits, WireLimits
from headwater.setting_fields import take_fields


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitSettings:
    """How much the server takes from its peers, in all and from each."""

    connections: Annotated[
        int, NOW, "TCP connections in all. The next one gets 503 with Retry-After and is closed."
    ] = 10000
    connections_per_address: Annotated[
        int, NOW, "TCP connections from one address. The next one gets 503 and is closed."
    ] = 2000
    ipv6_prefix_bits: Annotated[
        int,
        needs_restart("what is counted for addresses now would never be given back"),
        "How many leading bits of an IPv6 address count as one address for the limits by "
        "address, because one site usually has a whole /64. 128: each address counts by itself.",
    ] = 64
    sessions: Annotated[int, NOW, "Sessions in all. The next SETUP or ANNOUNCE gets 503."] = 10000
    sessions_per_address: Annotated[
        int, NOW, "Sessions from one address. The next SETUP or ANNOUNCE gets 503."
    ] = 2000
    sessions_per_connection: Annotated[
        int, NOW, "Sessions on one connection. The next SETUP or ANNOUNCE gets 503."
    ] = 16
    publishers: Annotated[int, NOW, "Publishers in all. The next ANNOUNCE gets 503."] = 5000
    tracks_per_mount: Annotated[
        int, NOW, "Tracks that an ANNOUNCE may describe. With more, it gets 413."
    ] = 16
    description_lines: Annotated[
        int, NOW, "Lines of the description in an ANNOUNCE. With more, it gets 413."
    ] = 500
    description_items: Annotated[
        int,
        NOW,
        "Formats and format parameters (`a=fmtp`) of one track of a description, together. With "
        "more, ANNOUNCE gets 413.",
    ] = 256
    description_bytes_total: Annotated[
        int,
        NOW,
        "Bytes that the descriptions of all publishers may take together; the server keeps a "
        "description as long as its session. Beyond it, the next ANNOUNCE gets 503.",
    ] = 64 << 20
    requests_per_s: Annotated[
        float,
        NEXT_CONNECTION,
        "Requests that a connection may send in a second, on average. A body counts as one more "
        "request for every 8,192 bytes. Above this rate the server reads the connection more "
        "slowly; it refuses nothing.",
    ] = 100.0
    header_bytes: Annotated[
        int,
        NEXT_CONNECTION,
        "Bytes of a request's first line and headers together. A longer request gets 400 and "
        "its connection is closed.",
    ] = 16384
    header_count: Annotated[
        int,
        NEXT_CONNECTION,
        "Header lines of a request. A request with more gets 400 and its connection is closed.",
    ] = 100
    header_items: Annotated[
        int,
        NEXT_CONNECTION,
        "Commas, semicolons and quotes in one header of a request; they separate transports, "
        "tags and parameters. A request with more gets 400 and its connection is closed.",
    ] = 100
    body_bytes: Annotated[
        int,
        NEXT_CONNECTION,
        "Bytes of a request's body. A longer one gets 413 and its connection is closed.",
    ] = 131072
    uri_bytes: Annotated[
        int, NEXT_CONNECTION, "Bytes of a request's URL. A longer one gets 414."
    ] = 4096
    path_bytes: Annotated[int, NOW, "Bytes of a mount's path. A longer one gets 414."] = 1024
    publisher_bits_per_s: Annotated[
        float,
        NOW,
        "Bits that a publisher may send in a second, as an average of 5 seconds. Above this "
        "rate the server closes the publisher. 0: no limit.",
    ] = 0.0
    publisher_packets_per_s: Annotated[
        float,
        NOW,
        "RTP packets that a publisher may send in a second, as an average of 5 seconds. Above "
        "this rate the server closes the publisher, because each packet costs work for each "
        "reader, however small it is. 0: no limit.",
    ] = 50_000.0
    reader_queue_bytes_total: Annotated[
        int,
        NOW,
        "Bytes that may wait for all TCP readers together: media, RTCP and answers on every "
        "connection that has set up a reader over TCP. Above it, the readers for which bytes "
        "wait lose packets up to the next key frame, until the sum is below the limit again. "
        "The sum can pass the limit by one batch of packets for each reader.",
    ] = 1 << 30
    catch_up_bytes_total: Annotated[
        int,
        NOW,
        "Bytes that may wait for all TCP readers together before new ones get no kept packets: "
        "they begin with the next key frame, which the server asks for. A reader that still gets "
        "kept packets counts with 256 KiB more, up to which its queue is filled. So a crowd that "
        "joins at one moment takes no more memory than this; half of `reader_queue_bytes_total` "
        "leaves the other half for readers that lag behind.",
    ] = 512 << 20
    answer_queue_bytes_total: Annotated[
        int,
        NOW,
        "Bytes of answers that may wait for all connections without a TCP reader together. "
        "Above it, a connection must take all of its answers before the server reads its next "
        "request; so the sum can pass the limit by one answer for each connection. From a "
        "single connection the server reads nothing while 32 KiB of answers wait for it.",
    ] = 16 << 20
    gop_cache_bytes_total: Annotated[
        int,
        NOW,
        "Bytes of memory for the packets that all mounts together keep since their last key "
        "frames. Above it, the mounts that keep most keep nothing until their next key frame, "
        "and new readers begin with live packets.",
    ] = 256 << 20
    first_byte_timeout_s: Annotated[
        float,
        NOW,
        "Seconds that a new connection may take to send its first byte. Then the server closes it.",
    ] = 10.0
    request_timeout_s: Annotated[
        float,
        NOW,
        "Seconds from the first byte of a request to its last. Then the server answers 408 and "
        "closes the connection.",
    ] = 10.0
    idle_connection_timeout_s: Annotated[
        float,
        NOW,
        "Seconds that a connection without a session may stay without a request. Then the "
        "server closes it.",
    ] = 60.0
    write_stall_timeout_s: Annotated[
        float,
        NOW,
        "Seconds that anything may wait until a peer takes it, whether the peer takes nothing "
        "or too little. Then the server closes the connection. For a reader that plays over "
        "TCP, slow_reader_disconnect_s of its mount counts instead.",
    ] = 10.0

    def __post_init__(self) -> None:
        take_fields(self)
        optional = {"publisher_bits_per_s", "publisher_packets_per_s"}
        names = [field.name for field in fields(self) if field.name not in optional]
        for name in names:
            if (value := getattr(self, name)) <= 0:
                raise ValueError(f"{name} is {value}; it must be above 0")
        if self.ipv6_prefix_bits > 128:
            raise ValueError(
                f"ipv6_prefix_bits is {self.ipv6_prefix_bits}; it must be from 1 to 128"
            )
        for name in optional:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")

    def wire_limits(self) -> WireLimits:
        """Return the part that the parser of requests keeps."""
        return WireLimits(
            max_header_bytes=self.header_bytes,
            max_header_count=self.header_count,
            max_header_items=self.header_items,
            max_body_bytes=self.body_bytes,
            max_uri_bytes=self.uri_bytes,
        )

    def description_limits(self) -> DescriptionLimits:
        """Return the part that the parser of descriptions keeps."""
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
    """Return the setting that bounds what a parser calls so."""
    return f"limits.{_SETTINGS[limit]}"

"""Bounds of what one peer may make a parser hold."""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True, kw_only=True)
class WireLimits:
    """Bounds of messages on a connection; see each field for what a peer gets beyond it."""

    max_header_bytes: Annotated[
        int,
        "Longest request or status line with its headers, in bytes. A longer one gets 400 (414 "
        "when the request line alone is longer) and the connection ends.",
    ] = 16_384
    max_header_count: Annotated[
        int, "How many headers one message may have. A message with more gets 400."
    ] = 100
    max_header_items: Annotated[
        int,
        "How many commas, semicolons and quotes one header's value may have, which part "
        "alternatives, tags and parameters. A message with more gets 400.",
    ] = 100
    max_body_bytes: Annotated[
        int,
        "Longest body of a message, in bytes. A longer one gets 413 and the connection ends.",
    ] = 131_072
    max_uri_bytes: Annotated[int, "Longest request URI, in bytes. A longer one gets 414."] = 4_096
    max_garbage_bytes: Annotated[
        int,
        "How many bytes between two messages are skipped in search of the next one, before the "
        "peer gets 400 and the connection ends.",
    ] = 131_072

    def __post_init__(self) -> None:
        _require_positive(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptionLimits:
    """Bounds of a session description, whose bytes are bounded by `WireLimits` as a body's are.

    Beyond one of them the peer gets 413.
    """

    max_lines: Annotated[int, "How many lines a description may have, empty ones included."] = 500
    max_tracks: Annotated[int, "How many `m=` lines it may have."] = 64
    max_items: Annotated[
        int, "How many formats and format parameters (`a=fmtp`) one track may have, together."
    ] = 256

    def __post_init__(self) -> None:
        _require_positive(self)


def _require_positive(limits: WireLimits | DescriptionLimits) -> None:
    for name in limits.__slots__:
        if getattr(limits, name) < 1:
            raise ValueError(f"{name} is {getattr(limits, name)}; it must be 1 or more")

"""Which line of a publisher's description a reader gets, and in which form.

A reader of a live mount gets what it can rely on. Each table says which lines are not of that
kind; a line that is in none of them passes as it came.
"""

import re
from collections.abc import Callable

from headwater.protocol.header.range import is_open_ended

# RFC 4566 §9: every value has one byte or more; ExoPlayer refuses the whole description otherwise.
_LINE = re.compile(r"[a-z]=.*\S", re.DOTALL)
_BANDWIDTH = re.compile(r"\s*([^\s:]+):\s*[0-9]+\s*")
# RFC 4566 §9: the name of an attribute is a token.
_ATTRIBUTE = re.compile(r"\s*([!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+)\s*(?::(.*))?", re.DOTALL)

_TYPES = frozenset("siuepbka")
"""Types of lines that pass.

The relay writes `v=`, `o=`, `c=` and `t=` itself: `t=`, `r=` and `z=` are a schedule of the
publisher's, and a mount that can be described is live. RFC 4566 §5 has readers ignore a whole
description with a type that it does not define.
"""

_PUBLISHERS_BANDWIDTHS = frozenset({"RS", "RR"})
"""Shares for RTCP on the publisher's connection: RR:0 would silence the reports of UDP readers."""

_PUBLISHERS_ATTRIBUTES = frozenset(
    {
        "control",
        # RFC 2326 §C.1.8: the version of the publisher's own description.
        "etag",
        # Addresses and ports of its RTP and RTCP.
        "rtcp",
        "rtcp-mux",
        "rtcp-mux-only",
        "source-filter",
        "bundle-only",
        # Its sources: another publisher that takes over continues them with its own packets.
        "ssrc",
        "ssrc-group",
        # Its way through NAT (RFC 8839).
        "candidate",
        "remote-candidates",
        "end-of-candidates",
        "ice-ufrag",
        "ice-pwd",
        "ice-options",
        "ice-pacing",
        "ice-lite",
        "ice-mismatch",
        # Its connection and the keys of it (RFC 4145, RFC 8122, RFC 8842).
        "connection",
        "setup",
        "fingerprint",
        "tls-id",
        "identity",
    }
)
"""Attributes that are about the publisher's connection or source alone, in lower case."""


def line_for_readers(line: str) -> str | None:
    """Return the line as readers get it, None where they get none."""
    line = line.lstrip()
    if not _LINE.match(line) or line[0] not in _TYPES:
        return None
    match line[0]:
        case "b":
            return _bandwidth(line)
        case "a":
            return _attribute(line)
        case _:
            return line


def _bandwidth(line: str) -> str | None:
    found = _BANDWIDTH.fullmatch(line[2:])
    return None if found is None or found[1].upper() in _PUBLISHERS_BANDWIDTHS else line


def _attribute(line: str) -> str | None:
    found = _ATTRIBUTE.fullmatch(line[2:])
    if found is None:
        return None
    name, value = found[1].lower(), found[2]
    if name in _PUBLISHERS_ATTRIBUTES:
        return None
    # Blanks around the name are what strict readers stumble over; the value is not touched.
    written = f"a={found[1]}" if value is None else f"a={found[1]}:{value}"
    rule = _RULES.get(name)
    return written if rule is None else rule(written, value or "")


def _receive_only(_line: str, _value: str) -> str:
    # The publisher sends, so its readers receive. GStreamer's rtspsrc takes a `sendonly` track for
    # a back channel and does not play it; `sendrecv` promises a back channel that is not there.
    return "a=recvonly"


def _live_range(line: str, value: str) -> str | None:
    return line if is_open_ended(value) else None


def _group(line: str, value: str) -> str | None:
    # RFC 9143: a BUNDLE shares one transport among tracks; readers set up each track by itself.
    return None if value.split()[:1] == ["BUNDLE"] else line


_RULES: dict[str, Callable[[str, str], str | None]] = {
    "sendonly": _receive_only,
    "sendrecv": _receive_only,
    "range": _live_range,
    "group": _group,
}

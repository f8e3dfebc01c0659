"""Via: the servers that a presentation has passed (RFC 2326 §12.43, RFC 2068 §14.44)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

_PROTOCOL: Final = "RTSP/1.0"


def via_names(values: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the servers in Via headers, the first that was passed first.

    An entry is `RTSP/1.0 name (comment)`; what is not written so is left out.
    """
    entries = [entry.split() for value in values for entry in value.split(",")]
    return tuple(words[1] for words in entries if len(words) > 1)


def via_value(names: Iterable[str]) -> str:
    """Return a Via header of these servers."""
    return ", ".join(f"{_PROTOCOL} {name}" for name in names)


def mount_name(server: str, path: str) -> str:
    """Return the name of one mount of a server: media may pass a server twice, a mount never.

    The path is not told: who may play one mount need not know the others.
    """
    return f"{server}.{zlib.crc32(path.encode(errors='surrogateescape')):08x}"


def server_of(name: str) -> str:
    """Return the server that a name means, or that has the mount that it means."""
    return name.partition(".")[0]

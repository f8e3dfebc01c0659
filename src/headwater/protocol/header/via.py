"""Via: the servers that a presentation has passed (RFC 2326 §12.43, RFC 2068 §14.44)."""

from __future__ import annotations

from collections.abc import Iterable

_PROTOCOL = "RTSP/1.0"


def via_names(values: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the servers in Via headers, the first that was passed first.

    An entry is `RTSP/1.0 name (comment)`; what is not written so is left out.
    """
    entries = [entry.split() for value in values for entry in value.split(",")]
    return tuple(words[1] for words in entries if len(words) > 1)


def via_value(names: Iterable[str]) -> str:
    """Return a Via header of these servers."""
    return ", ".join(f"{_PROTOCOL} {name}" for name in names)

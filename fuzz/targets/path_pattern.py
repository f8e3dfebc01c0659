"""Patterns over mount paths."""

from __future__ import annotations

from fuzz.target import Target, fields, text_of
from headwater.protocol.path_pattern import check_pattern, matches


def run(data: bytes) -> None:
    pattern, path = (text_of(part)[:120] for part in fields(data, 2))
    try:
        check_pattern(pattern)
    except ValueError:
        return
    matches(pattern, path)
    assert matches("**", path)
    if not any(sign in pattern for sign in "*?"):
        rooted = pattern if pattern.startswith("/") else f"/{pattern}"
        assert matches(pattern, rooted)
        assert matches(pattern, path) == (path == rooted)


TARGET = Target(
    invariant="a pattern without wildcards matches its own path alone; matching ends in time",
    run=run,
    words=(b"*", b"**", b"?", b"/", b"[a]", b"\\", b".", b"\0", b"(a+)+"),
    max_bytes=200,
)

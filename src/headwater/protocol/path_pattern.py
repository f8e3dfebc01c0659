"""Patterns over mount paths, for rights and for settings: one dialect for both."""

from __future__ import annotations

import functools
import re

_TOKEN = re.compile(r"\*\*|\*|\?|[^*?]+")
_EXPRESSION_BY_WILDCARD = {"**": "(.*)", "*": "([^/]*)", "?": "([^/])"}


def check_pattern(pattern: str) -> None:
    """Raise ValueError for a pattern that can match no path."""
    if not pattern or not pattern.isprintable():
        raise ValueError(f'{pattern!r} is no path pattern; give one such as "/cameras/*" or "**"')
    if any(segment in {".", ".."} for segment in pattern.split("/")):
        raise ValueError(f"{pattern!r} has a dot segment; no path has one")


def matches(pattern: str, path: str) -> bool:
    """Return whether a path fits: `*` stands for no slash, `**` for anything, `?` for a character.

    The slash at the pattern's beginning may be left out; letters' case counts. A pattern that
    ends in `/**` matches what is below, not the path before it.
    """
    return _compiled(pattern).fullmatch(path) is not None


def captures(pattern: str, path: str) -> tuple[str, ...] | None:
    """Return what each wildcard stands for, in order; None where the path does not fit."""
    found = _compiled(pattern).fullmatch(path)
    return None if found is None else found.groups()


def wildcard_count(pattern: str) -> int:
    """Return how many wildcards a pattern has; without any it is a path."""
    return _compiled(pattern).groups


def path_of(pattern: str) -> str:
    """Return the path that a pattern without wildcards names."""
    return pattern if pattern.startswith("/") else f"/{pattern}"


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    rooted = pattern if pattern.startswith(("/", "**")) else f"/{pattern}"
    return re.compile(
        "".join(_EXPRESSION_BY_WILDCARD.get(t) or re.escape(t) for t in _TOKEN.findall(rooted)),
        re.DOTALL,
    )

"""Which paths have a source, by the settings of paths and patterns."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from headwater.media.path_override import PathOverride, changes_in
from headwater.net.reach import Reach
from headwater.protocol.path_pattern import captures, path_of, wildcard_count
from headwater.sources.settings import SourceSettings
from headwater.sources.source_url import check_captures, with_captures

_MOST_KEPT = 8192
"""Paths whose settings are not put together again when another one changes."""


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """What is wanted of one path.

    Attributes:
        settings: with captures put in, and secrets not.
        by_readers: whether it is there only because readers ask for its path, which no section
            names.
        reach: which addresses it may lead to; None for any.
    """

    settings: SourceSettings
    by_readers: bool = False
    reach: Reach | None = None

    @property
    def on_demand(self) -> bool:
        """Whether it is fetched only while somebody wants it."""
        return self.by_readers or self.settings.on_demand


class SourcePlan:
    """The sources of all paths, as the sections of a configuration have them."""

    def __init__(self, overrides: Sequence[PathOverride] = ()) -> None:
        """`overrides` are those of `SourceSettings`, in the order in which they apply."""
        given = [each for each in overrides if changes_in(each, SourceSettings)]
        self._patterns: list[tuple[int, PathOverride]] = []
        self._by_path: dict[str, list[tuple[int, PathOverride]]] = {}
        for number, override in enumerate(given):
            if wildcard_count(override.pattern):
                self._patterns.append((number, override))
            else:
                self._by_path.setdefault(path_of(override.pattern), []).append((number, override))

    def named(self) -> Iterator[tuple[str, PlannedSource]]:
        """Yield the sources of the paths that a section names."""
        for path in self._by_path:
            planned = self.of(path)
            if planned is not None:
                yield path, planned

    def of(self, path: str) -> PlannedSource | None:
        """Return the source of a path; None where it has none, or none that it may have."""
        own = self._by_path.get(path, ())
        if not own and not self._patterns:
            return None
        ordered = sorted((*own, *self._patterns), key=lambda each: each[0])
        settings = _merged(path, tuple(override for _, override in ordered))
        if settings is None or not settings.source:
            return None
        return PlannedSource(settings, by_readers=not own)


def check_sources(overrides: Sequence[PathOverride]) -> None:
    """Raise ValueError for a source whose captures do not go with its pattern."""
    for override in overrides:
        for name, url in _urls(changes_in(override, SourceSettings)):
            try:
                check_captures(url, wildcard_count(override.pattern))
            except ValueError as error:
                raise ValueError(f'paths."{override.pattern}".{name} {error}') from None


@functools.lru_cache(maxsize=_MOST_KEPT)
def _merged(path: str, overrides: tuple[PathOverride, ...]) -> SourceSettings | None:
    """Return the settings of a path, None where what a wildcard matched cannot stand in a URL."""
    changes: dict[str, object] = {}
    for override in overrides:
        captured = captures(override.pattern, path)
        if captured is None:
            continue
        given = changes_in(override, SourceSettings)
        try:
            for name in _URLS & given.keys():
                given[name] = _captured(given[name], captured)
        except LookupError:
            return None
        changes |= given
    return replace(SourceSettings(), **changes)  # type: ignore[arg-type]


_URLS = frozenset({"source", "fallback"})


def _captured(given: object, captured: Sequence[str]) -> object:
    if isinstance(given, str):
        return with_captures(given, captured)
    assert isinstance(given, tuple)  # noqa: S101 - the fields are texts and lists of texts
    return tuple(with_captures(url, captured) for url in given)


def _urls(changes: dict[str, object]) -> Iterator[tuple[str, str]]:
    for name in _URLS & changes.keys():
        given = changes[name]
        for url in (given,) if isinstance(given, str) else given:  # type: ignore[attr-defined]
            yield name, url

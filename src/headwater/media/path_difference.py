"""What a change of the configuration means for a room's settings of chosen paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headwater.media.path_override import PathOverride, changes_in


@dataclass(frozen=True, slots=True, kw_only=True)
class PathDifference:
    """How one room's settings of paths differ from those of before, by path or pattern.

    Only sections that set something of this room are told: `[paths."cam/1"]` with `grace_s`
    alone is none of a room that has no `grace_s`.

    Attributes:
        added: patterns that had no section of this room before.
        changed: patterns whose section says something else now.
        removed: patterns that have no section of this room any more, with what it said.
        overrides: all that there are now, in the order in which they apply (see `settings_for`).
    """

    added: Mapping[str, PathOverride]
    changed: Mapping[str, PathOverride]
    removed: Mapping[str, PathOverride]
    overrides: tuple[PathOverride, ...]


def path_difference(
    before: Sequence[PathOverride], after: Sequence[PathOverride]
) -> PathDifference | None:
    """Return how a room's overrides differ, in content or in order; None where they do not."""
    old, new = _of_room(before), _of_room(after)
    if list(old.items()) == list(new.items()):
        return None
    return PathDifference(
        added={pattern: new[pattern] for pattern in new if pattern not in old},
        changed={
            pattern: new[pattern]
            for pattern in new
            if old.get(pattern, new[pattern]) != new[pattern]
        },
        removed={pattern: old[pattern] for pattern in old if pattern not in new},
        overrides=tuple(new.values()),
    )


def _of_room(overrides: Sequence[PathOverride]) -> dict[str, PathOverride]:
    return {each.pattern: each for each in overrides if changes_in(each, each.of)}

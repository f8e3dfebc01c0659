"""`[paths."…"]`: what is set for chosen paths, of every room that lets a path change its settings.

To let paths change the settings of another room, add a line to `NESTED`: its keys then stand in
`[paths."….NAME"]`, and file, environment, checks and documentation know them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, make_dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from headwater.media.path_override import PathOverride, changes_in, optional_fields
from headwater.media.settings import MountSettings
from headwater.protocol.path_pattern import check_pattern
from headwater.setting_fields import take_fields

NESTED: Mapping[str, type[PathOverride]] = {}
"""Rooms whose settings stand below a path's own, by the name of their section."""

_DOC = """What is set for the mounts whose path matches the name of the section.

The name is a path or a pattern: `*` stands for anything but a slash, `**` for anything, `?` for one
character. If several sections match, each applies, and the later one wins.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Base:
    def __post_init__(self) -> None:
        take_fields(self)
        replace(MountSettings(), **changes_in(self, MountSettings))

    def override(self, pattern: str, room: type[PathOverride]) -> PathOverride:
        """Return what this section changes of a room's settings."""
        name = next((name for name, nested in NESTED.items() if nested is room), None)
        values = self if name is None else getattr(self, name)
        changes = {} if values is None else changes_in(values, room.of)
        return room(pattern=pattern, **changes)


def path_section(nested: Mapping[str, type[PathOverride]]) -> type[_Base]:
    """Make the class of a path's section: the keys of `[mounts]`, and a section for each room."""
    sections = [
        (name, Annotated[_nested_section(name, room) | None, ""], field(default=None))
        for name, room in nested.items()
    ]
    made = make_dataclass(
        "PathSection",
        [*optional_fields(MountSettings, "mounts"), *sections],
        bases=(_Base,),
        namespace={"__doc__": _DOC},
        frozen=True,
        kw_only=True,
        slots=True,
    )
    made.__module__ = __name__
    return made


def _nested_section(name: str, room: type[PathOverride]) -> Any:
    return make_dataclass(
        f"Path{name.title()}Section",
        optional_fields(room.of, name),
        namespace={"__doc__": room.of.__doc__, "__post_init__": take_fields},
        frozen=True,
        kw_only=True,
        slots=True,
    )


if TYPE_CHECKING:

    class PathSection(_Base):
        """What is set for the mounts whose path matches the name of the section."""

        def __init__(self, **changes: Any) -> None: ...

else:
    PathSection = path_section(NESTED)


def path_sections(paths: Any) -> Any:
    """Return the sections by pattern, each made of its keys where a mapping has them.

    Raises ValueError for a pattern, a key or a value that cannot be.
    """
    if not isinstance(paths, Mapping):
        return paths  # refused by its type, as any other field
    sections: dict[str, PathSection] = {}
    for pattern, given in paths.items():
        try:
            check_pattern(pattern)
            sections[pattern] = _made(given) if isinstance(given, Mapping) else given
        except ValueError as error:
            raise ValueError(f'paths."{pattern}": {error}') from None
    return sections


def _made(given: Mapping[str, Any]) -> PathSection:
    known = [each.name for each in fields(PathSection)]
    for name in given:
        if name not in known:
            raise ValueError(f"{name} is no key; there are {', '.join(known)}")
    return PathSection(**given)

"""`[paths."…"]`: what is set for chosen paths, made from the settings of the rooms in `ROOMS`."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, make_dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from headwater.config.path_rooms import ROOMS, PathRoom
from headwater.media.path_override import (
    PathOverride,
    changes_in,
    optional_fields,
    path_override,
)
from headwater.protocol.path_pattern import check_pattern
from headwater.setting_fields import take_fields

_DOC = """What is set for the mounts whose path matches the name of the section.

The name is a path or a pattern: `*` stands for anything but a slash, `**` for anything, `?` for one
character. If several sections match, each applies, and the later one wins.
"""


_MOST_KEPT = 8192
"""Sections that were made and checked once are not again when another one is changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Section:
    """A section of settings, each None where it is not set; `path_section` makes the fields."""

    _flat: ClassVar[Sequence[PathRoom]]
    """Rooms whose keys stand in this section."""
    _nested: ClassVar[Mapping[str, type[_Section]]]
    """Sections below this one."""

    def __post_init__(self) -> None:
        for name, section_class in self._nested.items():
            given = getattr(self, name)
            if isinstance(given, Mapping):
                object.__setattr__(self, name, _made(section_class, given, f"{name}."))
        take_fields(self)
        for room in self._flat:
            replace(room.settings_class(), **changes_in(self, room.settings_class))

    def given(self) -> dict[str, Any]:
        """Return what is set, by name, with the sections below as mappings too."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: value.given() if isinstance(value, _Section) else value
            for name, value in values.items()
            if value is not None
        }

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the values alone: classes that are made here have no name to be found by."""
        return _made, (PathSection, self.given())

    def override(self, pattern: str, settings_class: type) -> PathOverride:
        """Return what this section changes of a room's settings."""
        return _override(self, pattern, settings_class)


def path_section(rooms: Sequence[PathRoom]) -> type[_Section]:
    """Make the class of a path's section: the keys of some rooms, and sections for the others."""
    flat = [room for room in rooms if not room.name]
    nested = {
        room.name: _section_class(f"Path{room.name.title()}Section", [room], {})
        for room in rooms
        if room.name
    }
    return _section_class("PathSection", flat, nested, _DOC)


def _section_class(
    name: str, flat: Sequence[PathRoom], nested: Mapping[str, type[_Section]], doc: str = ""
) -> type[_Section]:
    made = make_dataclass(
        name,
        [
            *(each for room in flat for each in optional_fields(room.settings_class, room.section)),
            *(
                (name, Annotated[below | None, ""], field(default=None))
                for name, below in nested.items()
            ),
        ],
        bases=(_Section,),
        namespace={
            "__doc__": doc or flat[0].settings_class.__doc__,
            "_flat": flat,
            "_nested": nested,
        },
        frozen=True,
        kw_only=True,
        slots=True,
    )
    made.__module__ = __name__
    return made


if TYPE_CHECKING:

    class PathSection(_Section):
        """What is set for the mounts whose path matches the name of the section."""

        def __init__(self, **changes: Any) -> None: ...

else:
    PathSection = path_section(ROOMS)


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
            sections[pattern] = _made(PathSection, given) if isinstance(given, Mapping) else given
        except ValueError as error:
            raise ValueError(f'paths."{pattern}": {error}') from None
    return sections


def check_sections(paths: Mapping[str, PathSection], settings: object) -> None:
    """Raise ValueError for a section that does not go with what `settings` has for all paths."""
    for room in ROOMS:
        for pattern, section in paths.items() if room.section else ():
            try:
                _check_override(section, pattern, room, getattr(settings, room.section))
            except ValueError as error:
                raise ValueError(f'paths."{pattern}": {error}') from None


@functools.lru_cache(maxsize=_MOST_KEPT)
def _override(section: _Section, pattern: str, settings_class: type) -> PathOverride:
    room = _room_of(settings_class)
    values = getattr(section, room.name) if room.name else section
    changes = {} if values is None else changes_in(values, settings_class)
    return _override_class(room)(pattern=pattern, **changes)


@functools.lru_cache(maxsize=_MOST_KEPT)
def _check_override(section: _Section, pattern: str, room: PathRoom, settings: object) -> None:
    section.override(pattern, room.settings_class).applied_to(settings)


def _made(section_class: type[_Section], given: Mapping[str, Any], place: str = "") -> Any:
    known = [each.name for each in fields(section_class)]
    for name in given:
        if name not in known:
            import difflib  # for this message alone

            close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            raise ValueError(f"{place}{name} is not a key; {hint}")
    try:
        return section_class(**given)
    except ValueError as error:
        raise ValueError(f"{place}{error}") from None


def _room_of(settings_class: type) -> PathRoom:
    for room in ROOMS:
        if room.settings_class is settings_class:
            return room
    raise LookupError(f"{settings_class.__name__} stands in no line of ROOMS")


@functools.cache
def _override_class(room: PathRoom) -> type[PathOverride]:
    return path_override(room.settings_class, f"{room.settings_class.__name__}Override", "")

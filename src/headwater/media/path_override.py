"""Settings of a room that differ for chosen paths: made from the room's own settings."""

import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, make_dataclass, replace
from typing import Annotated, Any, ClassVar, TypeVar

from headwater.applies import NOW, Applies
from headwater.protocol.path_pattern import check_pattern, matches
from headwater.setting_fields import take_fields

SettingsT = TypeVar("SettingsT")


@dataclass(frozen=True, kw_only=True, slots=True)
class PathOverride:
    """Settings of a room that differ for the paths that match a pattern.

    `path_override` makes the class of a room, whose fields are those of its settings.
    """

    of: ClassVar[type]
    """The settings of the room."""

    pattern: Annotated[
        str,
        NOW,
        "Mount paths this is for: `*` stands for anything but a slash, `**` for anything, `?` for "
        "one character. If several match, the later one wins.",
    ]

    def __post_init__(self) -> None:
        take_fields(self)
        try:
            check_pattern(self.pattern)
        except ValueError as error:
            raise ValueError(f"pattern {error}") from None
        self.applied_to(self.of())

    def applied_to(self, settings: SettingsT) -> SettingsT:
        """Return `settings` with what this override says; raises ValueError if it cannot be."""
        return replace(settings, **changes_in(self, type(settings)))  # type: ignore[type-var]


def path_override(
    settings_class: type, name: str, section: str, doc: str = ""
) -> type[PathOverride]:
    """Make the override of a room, with every field of its settings; None leaves a field alone.

    `section` is where the configuration has the room's settings for all paths, empty if nowhere.
    """
    made = make_dataclass(
        name,
        optional_fields(settings_class, section),
        bases=(PathOverride,),
        namespace={"of": settings_class, "__doc__": doc},
        frozen=True,
        kw_only=True,
        slots=True,
    )
    made.__module__ = settings_class.__module__
    return made


def optional_fields(settings_class: type, section: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield the fields of a room's settings for `make_dataclass`, each None by default.

    A field is explained once, in `section`; if the room has none there, here.
    """
    for name, hint in typing.get_type_hints(settings_class, include_extras=True).items():
        value_type, *notes = typing.get_args(hint) if hasattr(hint, "__metadata__") else (hint,)
        if section:
            marks = [note for note in notes if isinstance(note, Applies)]
            notes = [*marks, f"As in `{section}`."]
        yield name, Annotated[value_type | None, *(notes or [""])], field(default=None)


def changes_in(values: object, settings_class: type) -> dict[str, Any]:
    """Return what `values` sets of the fields of a room's settings."""
    return {
        each.name: value
        for each in fields(settings_class)
        if (value := getattr(values, each.name)) is not None
    }


def settings_for(path: str, defaults: SettingsT, overrides: Sequence[PathOverride]) -> SettingsT:
    """Return a room's settings for a path: the defaults, then each matching override in turn."""
    settings = defaults
    for override in overrides:
        if matches(override.pattern, path):
            settings = override.applied_to(settings)
    return settings

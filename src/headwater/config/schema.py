"""The shape of the configuration, read from the settings dataclasses: the one source of its keys.

A field holding a dataclass is a section, a tuple of dataclasses is an array of tables, and
everything else is a key. The first string in a field's `Annotated` is its documentation.
"""

import inspect
import types
import typing
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from dataclasses import Field as DataclassField
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Union

from headwater.applies import Applies, mark_of
from headwater.config.settings import Settings


@dataclass(frozen=True, slots=True)
class SettingKey:
    """One key of the configuration: its name, type (without `Annotated`), text and default.

    `applies` says when a running server takes a change; None where its field does not say.
    """

    name: str
    value_type: Any
    doc: str
    default: Any
    required: bool
    applies: Applies | None = None

    @property
    def optional(self) -> bool:
        """Whether the key may be left unset (its type admits None)."""
        return type(None) in typing.get_args(self.value_type)

    @property
    def plain_type(self) -> Any:
        """The type without the `| None` of an optional key."""
        members = [part for part in typing.get_args(self.value_type) if part is not type(None)]
        return members[0] if self.optional and len(members) == 1 else self.value_type

    @property
    def secret(self) -> bool:
        """Whether the value must never be repeated in a message."""
        return any(word in self.name for word in ("ice_servers", "password", "secret", "token"))


@dataclass(frozen=True, slots=True)
class SettingSection:
    """One section: its dotted path, its text, its keys, and the sections and tables below it.

    `each` is there where the owner names the sections below: what each of them may have.
    """

    path: tuple[str, ...]
    doc: str
    keys: tuple[SettingKey, ...]
    sections: tuple["SettingSection", ...]
    tables: tuple["SettingSection", ...]
    each: "SettingSection | None" = None

    @property
    def name(self) -> str:
        """The section's dotted name as the file writes it."""
        return ".".join(self.path)

    def key(self, name: str) -> SettingKey | None:
        """Return the key called `name`, or None."""
        return next((key for key in self.keys if key.name == name), None)

    def section(self, name: str) -> "SettingSection | None":
        """Return the sub-section called `name`, or None."""
        found = (section for section in self.sections if section.path[-1] == name)
        return next(found, self.each)

    def table(self, name: str) -> "SettingSection | None":
        """Return the array of tables called `name`, or None."""
        return next((table for table in self.tables if table.path[-1] == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that may stand in this section."""
        below = (*self.sections, *self.tables)
        return (*(key.name for key in self.keys), *(part.path[-1] for part in below))

    def walk(self) -> Iterator["SettingSection"]:
        """Yield this section and every section below it (not the arrays of tables), in order."""
        yield self
        for section in self.sections:
            yield from section.walk()


@cache
def settings_schema() -> SettingSection:
    """Return the whole configuration's shape, from `Settings`."""
    return section_of(Settings, ())


def section_of(settings_class: type, path: tuple[str, ...]) -> SettingSection:
    """Return the shape of one settings dataclass that stands at `path`."""
    hints = typing.get_type_hints(settings_class, include_extras=True)
    keys: list[SettingKey] = []
    sections: list[SettingSection] = []
    tables: list[SettingSection] = []
    for field in fields(settings_class):
        value_type, doc = _without_annotation(hints[field.name])
        below = (*path, field.name)
        item_type = _table_type(value_type)
        value_type = _section_type(value_type)
        if is_dataclass(value_type) and isinstance(value_type, type):
            sections.append(section_of(value_type, below))
        elif typing.get_origin(value_type) is dict:
            each = section_of(typing.get_args(value_type)[1], (*below, '"…"'))
            sections.append(SettingSection(below, each.doc, (), (), (), each))
        elif item_type is not None:
            tables.append(section_of(item_type, below))
        else:
            keys.append(_key_of(field, value_type, doc, mark_of(hints[field.name])))
    return SettingSection(
        path, _docstring(settings_class), tuple(keys), tuple(sections), tuple(tables)
    )


def allowed_values(key: SettingKey) -> str:
    """Return what a key accepts, in words."""
    value_type = key.plain_type
    origin = typing.get_origin(value_type)
    if isinstance(value_type, type) and issubclass(value_type, StrEnum):
        return "one of " + ", ".join(f'"{member.value}"' for member in value_type)
    if origin is typing.Literal:
        return "one of " + ", ".join(f'"{value}"' for value in typing.get_args(value_type))
    if origin is tuple:
        inner = typing.get_args(value_type)
        if inner[-1] is not Ellipsis:
            return f"a list of {len(inner)} values"
        item = SettingKey(key.name, inner[0], "", None, required=False)
        return f"a list, each {allowed_values(item)}"
    if origin in {Union, types.UnionType}:
        parts = [
            SettingKey(key.name, part, "", None, required=False)
            for part in typing.get_args(value_type)
        ]
        return " or ".join(allowed_values(part) for part in parts)
    return _TYPE_WORDS.get(value_type, "a value")


_TYPE_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text in quotes",
}


def _key_of(
    field: "DataclassField[Any]", value_type: Any, doc: str, applies: Applies | None
) -> SettingKey:
    default, required = None, False
    if field.default is not MISSING:
        default = field.default
    elif field.default_factory is not MISSING:
        default = field.default_factory()
    else:
        required = True
    return SettingKey(field.name, value_type, doc, default, required, applies)


def _without_annotation(hint: Any) -> tuple[Any, str]:
    if typing.get_origin(hint) is not Annotated:
        return hint, ""
    value_type, *notes = typing.get_args(hint)
    return value_type, next((note for note in notes if isinstance(note, str)), "")


def _table_type(value_type: Any) -> type | None:
    """Return the dataclass inside `tuple[SomeSettings, ...]`, or None for every other type."""
    if typing.get_origin(value_type) is not tuple:
        return None
    item = typing.get_args(value_type)[0]
    return item if isinstance(item, type) and is_dataclass(item) else None


def _section_type(value_type: Any) -> Any:
    """Return the dataclass of a section that may be left out, or the type as it is."""
    parts = [part for part in typing.get_args(value_type) if part is not type(None)]
    optional = typing.get_origin(value_type) in {Union, types.UnionType}
    return parts[0] if optional and len(parts) == 1 and is_dataclass(parts[0]) else value_type


def _docstring(settings_class: type) -> str:
    text = inspect.getdoc(settings_class) or ""
    # A dataclass with no docstring is given its signature as one.
    return "" if text.startswith(f"{settings_class.__name__}(") else text

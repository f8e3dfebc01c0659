"""Choices among settings: text becomes the member that it names, anything else is refused."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Union

_UNIONS: Final = frozenset({Union, types.UnionType})


def take_enum_fields(settings: object) -> None:
    """Turn what the enum fields of a frozen dataclass hold into members, for `__post_init__`.

    Fields are told by their type: an enum, an enum or None, or a tuple of members of one enum,
    which is taken from anything iterable but text. Without it text would be kept and compared by
    identity. Raises ValueError with the field's name, the value and what is allowed.
    """
    settings_class = type(settings)
    if settings_class not in _fields_by_class:
        _fields_by_class[settings_class] = _enum_fields(settings_class)
    for field in _fields_by_class[settings_class]:
        value = getattr(settings, field.name)
        object.__setattr__(settings, field.name, field.taken(value))


@dataclass(frozen=True, slots=True)
class _EnumField:
    name: str
    enum: type[Enum]
    many: bool
    optional: bool

    def taken(self, value: Any) -> Any:
        if self.optional and value is None:
            return None
        if not self.many:
            return self._member(value, value)
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise self._refusal(value)
        return tuple(self._member(item, value) for item in value)

    def _member(self, item: Any, value: Any) -> Enum:
        try:
            return self.enum(item)
        except ValueError:
            raise self._refusal(value) from None

    def _refusal(self, value: Any) -> ValueError:
        allowed = ", ".join(repr(member.value) for member in self.enum)
        kind = "a sequence of" if self.many else "one of"
        return ValueError(f"{self.name} is {value!r}; it must be {kind} {allowed}")


_fields_by_class: Final[dict[type, tuple[_EnumField, ...]]] = {}
"""Each class's types are read once: a mount that opens may make its settings anew."""


def _enum_fields(settings_class: type) -> tuple[_EnumField, ...]:
    return tuple(
        _EnumField(name, part, many=typing.get_origin(hint) is tuple, optional=None in parts)
        for name, hint in typing.get_type_hints(settings_class).items()
        for parts in [_parts(hint)]
        for part in parts
        if isinstance(part, type) and issubclass(part, Enum)
    )


def _parts(hint: Any) -> tuple[Any, ...]:
    """The types that a tuple or a union is of, None as itself; a plain type is its only part."""
    if typing.get_origin(hint) is tuple or typing.get_origin(hint) in _UNIONS:
        return tuple(None if part is type(None) else part for part in typing.get_args(hint))
    return (hint,)

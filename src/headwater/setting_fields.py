"""What a settings field may hold, by its type: checked, and taken in the form that it names."""

from __future__ import annotations

import math
import operator
import os
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum, StrEnum
from typing import Any, Final, Self, Union

from headwater.shown_text import setting_without_credentials

_UNIONS: Final = frozenset({Union, types.UnionType})
_SECRETS: Final = ("password", "secret", "token")


class Choice(StrEnum):
    """A choice among words, which may be written in capital letters as well."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        word = value.lower() if isinstance(value, str) else None
        return next((member for member in cls if member.value.lower() == word), None)


def take_fields(settings: object) -> None:
    """Check every field of a frozen dataclass against its type, first in `__post_init__`.

    Numbers, texts, switches, enums, other settings, tuples of these, and None where the type has
    it. What stands for one of them is turned into it: the text of an enum's member (which would
    else be compared by identity), a path, any sequence but a text. Raises ValueError with the
    field's name, the value and what is allowed.
    """
    settings_class = type(settings)
    if settings_class not in _kinds_by_class:
        _kinds_by_class[settings_class] = _kinds_of(settings_class)
    for name, kind in _kinds_by_class[settings_class].items():
        value = getattr(settings, name)
        try:
            taken = kind.take(value)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{name} is {_shown(name, value)}; it must be {kind.words}") from None
        if taken is not value:
            object.__setattr__(settings, name, taken)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A type of field: in words, one and several of it, and what takes a value or raises."""

    words: str
    several: str
    take: Callable[[Any], Any]


_kinds_by_class: Final[dict[type, dict[str, _Kind]]] = {}
"""Each class's types are read once: a mount that opens may make its settings anew."""


def _kinds_of(settings_class: Any) -> dict[str, _Kind]:
    hints = typing.get_type_hints(settings_class)
    return {field.name: _kind_of(hints[field.name]) for field in fields(settings_class)}


def _kind_of(hint: Any) -> _Kind:
    if typing.get_origin(hint) in _UNIONS:
        [part] = [part for part in typing.get_args(hint) if part is not type(None)]
        return _optional(_kind_of(part))
    if typing.get_origin(hint) is tuple:
        return _sequence(_kind_of(typing.get_args(hint)[0]))
    if typing.get_origin(hint) is dict:
        return _mapping(_kind_of(typing.get_args(hint)[1]))
    if hint in _PLAIN:
        return _PLAIN[hint]
    if issubclass(hint, Enum):
        allowed = ", ".join(repr(member.value) for member in hint)
        return _Kind(f"one of {allowed}", allowed, hint)
    return _instance(hint)


def _optional(kind: _Kind) -> _Kind:
    return _Kind(
        kind.words, kind.several, lambda value: None if value is None else kind.take(value)
    )


def _sequence(item: _Kind) -> _Kind:
    def take(value: Any) -> tuple[Any, ...]:
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise TypeError
        taken = tuple(item.take(each) for each in value)
        # By identity: the text of an enum's member equals the member.
        if isinstance(value, tuple) and all(map(operator.is_, taken, value)):
            return value
        return taken

    return _Kind(f"a sequence of {item.several}", f"sequences of {item.several}", take)


def _mapping(item: _Kind) -> _Kind:
    def take(value: Any) -> dict[str, Any]:
        return {_text(name): item.take(each) for name, each in dict(value).items()}

    return _Kind(f"a mapping to {item.several}", f"mappings to {item.several}", take)


def _instance(of: type) -> _Kind:
    def take(value: Any) -> Any:
        if not isinstance(value, of):
            raise TypeError
        return value

    return _Kind(f"of the type {of.__name__}", of.__name__, take)


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _whole_number(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    return operator.index(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError
    return value


def _text(value: Any) -> str:
    taken = os.fspath(value)
    if not isinstance(taken, str):
        raise TypeError
    return taken


_PLAIN: Final = {
    bool: _Kind("True or False", "True or False", _switch),
    int: _Kind("a whole number", "whole numbers", _whole_number),
    float: _Kind("a number", "numbers", _number),
    str: _Kind("a text", "texts", _text),
}


def _shown(name: str, value: Any) -> str:
    """Return the value for an error message; never a secret, nor what may hold one."""
    is_plain = value is None or isinstance(value, bool | int | float | str | Enum)
    items = value if isinstance(value, tuple | list | set | frozenset) else ()
    if any(word in name for word in _SECRETS) or is_dataclass(value):
        return f"a value of the type {type(value).__name__}"
    if is_plain or (items and all(isinstance(item, str | int | float) for item in items)):
        return repr(setting_without_credentials(value))
    return f"a {type(value).__name__}"

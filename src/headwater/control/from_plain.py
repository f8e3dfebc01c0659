"""The dataclass that a JSON document was made of, for a command that asks a server."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar, Union

RecordT = TypeVar("RecordT")


class UnfitError(ValueError):
    """A document is not of the dataclass; the message says where."""


def record_of_plain(kind: type[RecordT], document: Mapping[str, Any]) -> RecordT:
    """Return the dataclass of which `plain` made a document.

    Keys that it does not have are of a newer server, and left out. Raises UnfitError.
    """
    record: RecordT = _record(kind, document, kind.__name__)
    return record


def _record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise UnfitError(f"{where} is no object")
    hints = _hints(kind)
    found = {}
    for field in fields(kind):
        if field.name in value:
            place = f"{where}.{field.name}"
            found[field.name] = _value(hints[field.name], value[field.name], place)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise UnfitError(f"{where} has no {field.name}")
    return kind(**found)


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in {Union, types.UnionType}:
        if value is None and type(None) in parts:
            return None
        return _value(next(part for part in parts if part is not type(None)), value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_value(parts[0], item, where) for item in value)
    if origin is dict and isinstance(value, Mapping):
        return {parts[0](key): _value(parts[1], item, where) for key, item in value.items()}
    if is_dataclass(hint):
        return _record(hint, value, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        try:
            return hint(value)
        except ValueError as error:
            raise UnfitError(f"{where}: {error}") from None
    if hint is float and isinstance(value, int):
        return float(value)
    if not isinstance(hint, type) or not isinstance(value, hint):
        raise UnfitError(f"{where} is {type(value).__name__}")
    return value


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)

"""Dataclasses as JSON, in pieces: a large status must not hold up the event loop."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

from headwater.shown_text import DOCUMENT_CHARACTERS, shown


def plain(value: object) -> object:
    """Return the value as dicts with text keys, lists, texts, numbers, booleans and None.

    Texts, which may be of peers, are made fit to be shown.
    """
    if isinstance(value, str):
        return shown(str(value), DOCUMENT_CHARACTERS)
    if value is None or isinstance(value, bool | int | float):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} has no plain form")


def json_pieces(record: object) -> Iterator[str]:
    """Yield the JSON of a dataclass, in pieces that join to one line.

    Lists of dataclasses are told item by item and stand behind the other keys. Each piece is
    made when it is asked for.
    """
    rest: dict[str, object] = {}
    long: list[tuple[str, tuple[object, ...]]] = []
    for field in fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        if isinstance(value, tuple) and value and is_dataclass(value[0]):
            long.append((field.name, value))
        else:
            rest[field.name] = plain(value)
    text = json.dumps(rest, ensure_ascii=False)
    if not long:
        yield text
        return
    separator = ", " if rest else ""
    yield text[:-1]
    for name, items in long:
        yield f"{separator}{json.dumps(name)}: ["
        separator = ", "
        for index, item in enumerate(items):
            if index:
                yield ", "
            yield from json_pieces(item)
        yield "]"
    yield "}"

"""TOML values as text (the standard library reads TOML and does not write it)."""

import math
from enum import StrEnum
from typing import Any

_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}


def toml_value(value: Any) -> str:
    """Return one value as TOML writes it.

    Raises TypeError for a value TOML has no form for (None among them).
    """
    match value:
        case bool():
            return "true" if value else "false"
        case StrEnum():
            return _quoted(value.value)
        case str():
            return _quoted(value)
        case int():
            return str(value)
        case float():
            return _float(value)
        case tuple() | list():
            return "[" + ", ".join(toml_value(item) for item in value) + "]"
        case _:
            raise TypeError(f"TOML has no form for {type(value).__name__}")


def _quoted(text: str) -> str:
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if ord(character) < 0x20 or ord(character) == 0x7F:
        return f"\\u{ord(character):04X}"
    return character


def _float(value: float) -> str:
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if math.isnan(value):
        return "nan"
    return repr(value)

"""Values written as text, in an environment variable or an option, made into TOML values."""

import tomllib
import typing
from enum import StrEnum
from typing import Any

from headwater.config.schema import SettingKey

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def text_value(key: SettingKey, text: str) -> Any:
    """Return the value that `text` means for `key`, as the file would hold it.

    Texts need no quotes; lists may be written as TOML or with commas (`udp,tcp`). What cannot be
    understood stays text, for the check that follows to refuse with the key's name.
    """
    value_type = key.plain_type
    if value_type is bool:
        return _boolean(text)
    if value_type in {int, float}:
        return _toml(text)
    if typing.get_origin(value_type) is tuple:
        return _list(text)
    return text


def table_value(text: str) -> Any:
    """Return an array of tables from its TOML text (`[{name = "a"}]`); other text stays text."""
    return _toml(text)


def choice_value(key: SettingKey, value: Any) -> Any:
    """Return the value with its choices in small letters, as they are written: `INFO` is `info`."""
    item_type = (*typing.get_args(key.plain_type), key.plain_type)[0]
    if not (isinstance(item_type, type) and issubclass(item_type, StrEnum)):
        return value
    if isinstance(value, list):
        return [part.lower() if isinstance(part, str) else part for part in value]
    return value.lower() if isinstance(value, str) else value


def _boolean(text: str) -> bool | str:
    word = text.strip().lower()
    if word in _TRUE:
        return True
    return False if word in _FALSE else text


def _list(text: str) -> Any:
    if text.strip().startswith("["):
        return _toml(text)
    return [part.strip() for part in text.split(",") if part.strip()]


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text

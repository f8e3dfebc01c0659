"""A log record as a line: what happened, whom and what it concerns, all of it fit to be shown.

The rooms log a constant text with fields in `extra`. Here the fields are made harmless, and the
message is made to name them: a program that embeds the server sees them with any formatter. The
constant text stays in `record.event`, for those who look for it.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Collection, Mapping
from typing import Final

from headwater.shown_text import LINE_CHARACTERS, shown, shown_lines

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    *("message", "asctime", "taskName", "event"),
}
_TRACEBACK_CHARACTERS: Final = 8192
_ITEMS: Final = 16
_ITEM_CHARACTERS: Final = 64
_AROUND_BYTES: Final = 80
"""Time, level and logger, which a formatter puts around the message."""


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """Return what `extra` gave the record."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def make_fit(record: logging.LogRecord, fields: Mapping[str, object]) -> None:
    """Make a record's text, fields and traceback harmless, and have its message name the fields.

    `fields` are those of the record and what is to be added to them.
    """
    fit = {name: _fit(value) for name, value in fields.items()}
    event = shown(_message(record))
    vars(record).update(fit, event=event)
    record.msg, record.args = text_of(event, fit), ()
    if record.exc_info:
        # Formatters take this rather than make one of their own.
        record.exc_text = _traceback(record)


def is_fit(record: logging.LogRecord) -> bool:
    """Return whether `make_fit` has been here."""
    return "event" in vars(record)


def text_of(event: str, fields: Mapping[str, object]) -> str:
    """Return the line for people: the event, and each field as `name=value`."""
    return " ".join([event, *(f"{name}={_quoted(value)}" for name, value in fields.items())])


def size_bytes(record: logging.LogRecord) -> int:
    """About how many bytes a record that is fit takes in a log."""
    text = record.getMessage() + (record.exc_text or "")
    return len(text.encode(errors="replace")) + _AROUND_BYTES


def texts_of(fields: Mapping[str, object]) -> list[str]:
    """The values of a line's fields that are texts."""
    return [value for value in fields.values() if isinstance(value, str)]


def rough_size_bytes(texts: Collection[str]) -> int:
    """Return the same for a line of these texts, before anything is made fit.

    It is little work, for a line that nobody will see.
    """
    size = sum(map(len, texts))
    if size > LINE_CHARACTERS:
        size = sum([min(len(text), LINE_CHARACTERS) for text in texts])
    return _AROUND_BYTES + size


def _fit(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            # A text that is an enum's member becomes plain.
            return shown(str(value))
        case list() | tuple() | set() | frozenset():
            return [shown(str(item), _ITEM_CHARACTERS) for item in tuple(value)[:_ITEMS]]
    try:
        return shown(str(value))
    except Exception:  # noqa: BLE001 - whatever the object is, its line must not be lost
        return f"({type(value).__name__})"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit must not cost the line
        return str(record.msg)


def _traceback(record: logging.LogRecord) -> str:
    if not isinstance(record.exc_info, tuple):
        return ""
    try:
        text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
    except Exception as error:  # noqa: BLE001 - an exception may not even be printable
        text = f"the traceback cannot be written: {type(error).__name__}"
    return shown_lines(text, _TRACEBACK_CHARACTERS)


def _quoted(value: object) -> str:
    """Return a value that cannot be taken for two, nor for the next field."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if text and not any(mark in text for mark in ' "='):
        return text
    return '"' + text.replace('"', "'") + '"'

"""What was logged, by event: the constant text of a line, without the fields that it names."""

from __future__ import annotations

import logging
from collections.abc import Iterable


def event_of(record: logging.LogRecord) -> str:
    """The constant text of one line."""
    return str(vars(record).get("event", record.getMessage()))


def events(records: Iterable[logging.LogRecord]) -> list[str]:
    """The constant texts, in order."""
    return [event_of(record) for record in records]

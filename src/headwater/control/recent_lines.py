"""The last lines of the log, for whoever controls a server and is not on its machine."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

MOST_LINES: Final = 500
"""Kept of one process; each is short already, since the pace of the log has made it fit."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line; `number` counts from 1, `at_unix_s` is the time of the wall clock."""

    number: int
    at_unix_s: float
    level: str
    logger: str
    text: str


class RecentLines:
    """Keeps them. Records may come from any thread.

    Attributes:
        number: of the last line; 0 before the first.
    """

    def __init__(self, most: int = MOST_LINES) -> None:
        self._lines: deque[LogLine] = deque(maxlen=most)
        self._numbers = count(1)
        self.number = 0

    def note(self, record: logging.LogRecord) -> None:
        """Keep a record that is logged, in place of the oldest."""
        text = record.getMessage()
        if record.exc_text:
            text = f"{text}\n{record.exc_text}"
        number = next(self._numbers)
        level = record.levelname.lower()
        self._lines.append(LogLine(number, record.created, level, record.name, text))
        self.number = number

    def after(self, number: int) -> Sequence[LogLine]:
        """Return the lines behind one, the oldest first."""
        return [line for line in tuple(self._lines) if line.number > number]

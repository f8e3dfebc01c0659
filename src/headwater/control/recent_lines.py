"""The last lines of the log, for whoever controls a server and is not on its machine."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

MOST_LINES: Final = 500
"""Kept of one process; each is short already, since the pace of the log has made it fit."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line.

    Attributes:
        number: counts from 1.
        at_unix_s: the time of the wall clock.
        level, logger, text: what was logged.
        worker: which of several processes wrote it; "" where there is one.
    """

    number: int
    at_unix_s: float
    level: str
    logger: str
    text: str
    worker: str = ""


class RecentLines:
    """Keeps them. Records may come from any thread.

    Attributes:
        number: of the last line; 0 before the first.
        worker: what this process is called; "" where it serves alone.
    """

    def __init__(self, most: int = MOST_LINES) -> None:
        self._lines: deque[LogLine] = deque(maxlen=most)
        self._numbers = count(1)
        self.number = 0
        self.worker = ""

    def note(self, record: logging.LogRecord) -> None:
        """Keep a record that is logged, in place of the oldest."""
        text = record.getMessage()
        if record.exc_text:
            text = f"{text}\n{record.exc_text}"
        number = next(self._numbers)
        level = record.levelname.lower()
        line = LogLine(number, record.created, level, record.name, text, self.worker)
        self._lines.append(line)
        self.number = number

    def add(self, line: LogLine, worker: str) -> None:
        """Keep a line of another process behind the last one."""
        number = next(self._numbers)
        self._lines.append(replace(line, number=number, worker=worker))
        self.number = number

    def after(self, number: int) -> Sequence[LogLine]:
        """Return the lines behind one, the oldest first."""
        return [line for line in tuple(self._lines) if line.number > number]

"""How often a line may be logged: what peers can bring about must not fill a disk."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Allowance:
    """Lines of one kind that may come at once, and how many more with each second."""

    at_once: int
    per_s: float


FAULTS: Final = Allowance(at_once=5, per_s=1.0)
"""Warnings and errors. A few tell what is wrong, and a traceback is long."""

EVENTS: Final = Allowance(at_once=100, per_s=10.0)
"""What happens in the day: a crowd that comes together is told one by one."""

_OWN_KINDS: Final = ("setting", "hook", "side")
"""Fields whose values are kinds of their own. The owner names them, so they are few."""


@dataclass(slots=True)
class _Kind:
    lines: float
    refilled_s: float
    left_out: int = 0


class LinePace(logging.Filter):
    """Lets a logger's lines through while they are few, by kind: message, and setting or hook.

    The next line of a kind tells in the field `left_out` how many before it were not logged.
    Debugging lines are not counted: whoever asks for them wants all.

    Attributes:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.clock = clock
        self._kinds: dict[tuple[object, ...], _Kind] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is logged; one that is may get the field `left_out`."""
        if record.levelno < logging.INFO:
            return True
        allowance = EVENTS if record.levelno < logging.WARNING else FAULTS
        fields = vars(record)
        now = self.clock()
        key = (record.name, record.msg, *[fields.get(name) for name in _OWN_KINDS])
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = _Kind(allowance.at_once, now)
        refill = (now - kind.refilled_s) * allowance.per_s
        kind.lines = min(allowance.at_once, kind.lines + refill)
        kind.refilled_s = now
        if kind.lines < 1:
            kind.left_out += 1
            return False
        kind.lines -= 1
        if kind.left_out:
            fields["left_out"], kind.left_out = kind.left_out, 0
        return True

    def forget(self) -> None:
        """Begin anew, as if nothing had been logged."""
        self._kinds.clear()


PACE: Final = LinePace()
"""Of the whole process, as the log is."""


def paced_logger(name: str) -> logging.Logger:
    """The logger of this name, held to the pace."""
    logger = logging.getLogger(name)
    logger.addFilter(PACE)
    return logger

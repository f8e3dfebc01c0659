"""Log lines about requests that were refused, so many a second at most."""

from __future__ import annotations

import logging
from collections.abc import Mapping

logger = logging.getLogger(__name__)

MOST_LINES = 50
"""Lines a second. A scanner sends thousands of wrong requests: a line for each helps nobody."""


class RefusalLog:
    """Logs refusals one by one while they are few, and counts those beyond."""

    def __init__(self) -> None:
        self._lines = 0
        self._left_out = 0

    def note(self, message: str, fields: Mapping[str, object]) -> None:
        """Log one refusal, or count it when this second has had its lines."""
        if self._lines >= MOST_LINES:
            self._left_out += 1
            return
        self._lines += 1
        logger.info(message, extra=fields)

    def begin_second(self, _now: float) -> None:
        """Tell how many were left out, and log one by one again."""
        if self._left_out:
            logger.info("more requests refused", extra={"refused": self._left_out})
        self._lines = self._left_out = 0

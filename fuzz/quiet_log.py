"""Log records are made, as in a server, but written nowhere."""

from __future__ import annotations

import logging


class QuietLog(logging.Handler):
    """Formats every record and forgets it; whatever must never be logged is a finding."""

    def __init__(self, forbidden: str = "") -> None:
        super().__init__()
        self._forbidden = forbidden

    def emit(self, record: logging.LogRecord) -> None:
        """Format the record with all that came with it."""
        text = record.getMessage() + str(record.__dict__)
        assert not self._forbidden or self._forbidden not in text, "a secret in the log"


def be_quiet(forbidden: str = "") -> None:
    """Send everything that the package logs to a `QuietLog`."""
    logger = logging.getLogger("headwater")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.handlers = [QuietLog(forbidden)]

"""Log lines for people or for machines, made from the library's standard `logging` records."""

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TextIO

from headwater.cli.process.log_writer import LogWriter
from headwater.cli.terminal import takes_colours
from headwater.config.settings import LogFormat, LogSettings
from headwater.log_line import fields_of, is_fit, make_fit, text_of
from headwater.log_pace import paced_logger

logger = paced_logger(__name__)

_LEVELS = logging.getLevelNamesMapping()
_COLOURS = {logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m", logging.CRITICAL: "\x1b[31m"}
_STRONG, _FAINT, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def configure_logs(
    settings: LogSettings, stream: TextIO | None = None, *, worker: str = ""
) -> None:
    """Send every log record to `stream` (stderr) in the format that `settings` asks for.

    `worker` is named in each line, where several processes write to one log.
    """
    stream = sys.stderr if stream is None else stream
    handler = _handler(stream)
    handler.setFormatter(_formatter(settings, stream, worker))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[settings.level.value.upper()])
    # asyncio logs each slow callback and signal at lower levels, httpx each request with its URL:
    # their own matters, not the owner's. What they do log, peers may bring about as well.
    for other in ("asyncio", "httpx", "httpcore"):
        paced_logger(other).setLevel(logging.WARNING)


def change_logs(settings: LogSettings) -> None:
    """Log at another level or in another form from now on, to where the log goes."""
    root = logging.getLogger()
    root.setLevel(_LEVELS[settings.level.value.upper()])
    for handler in root.handlers:
        worker = getattr(handler.formatter, "worker", "")
        handler.setFormatter(_formatter(settings, sys.stderr, worker))


def log_advice(advice: Iterable[str]) -> None:
    """Log what of a good configuration is likely meant otherwise."""
    for warning in advice:
        logger.warning("configuration may be meant otherwise", extra={"advice": warning})


class TextFormatter(logging.Formatter):
    """`2026-11-28T16:31:29.416Z [info   ] reader started [headwater.server.notices] mount=/a`."""

    def __init__(self, *, colours: bool, worker: str = "") -> None:
        super().__init__()
        self._colours = colours
        self.worker = worker

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and below it the traceback, if there is one."""
        event, fields = _parts(record, self.worker)
        level = f"[{record.levelname.lower():<7}]"
        if self._colours:
            level = f"{_COLOURS.get(record.levelno, _FAINT)}{level}{_PLAIN}"
            event = f"{_STRONG}{event}{_PLAIN}"
        line = text_of(f"{_time_of(record)} {level} {event} [{record.name}]", fields)
        return f"{line}\n{record.exc_text}" if record.exc_text else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `timestamp`, `level`, `logger`, `message`, then the fields."""

    def __init__(self, *, worker: str = "") -> None:
        super().__init__()
        self.worker = worker

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback is the field `exception`."""
        event, fields = _parts(record, self.worker)
        line = {
            "timestamp": _time_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": event,
            **fields,
        }
        if record.exc_text:
            line["exception"] = record.exc_text
        return json.dumps(line, ensure_ascii=False, default=str)


def _parts(record: logging.LogRecord, worker: str) -> tuple[str, dict[str, object]]:
    """Return what happened and the fields; records of other libraries are made fit here."""
    if not is_fit(record):
        make_fit(record, fields_of(record))
    fields = fields_of(record)
    if worker:
        fields = {"worker": worker, **fields}
    return vars(record)["event"], fields


def _time_of(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _formatter(settings: LogSettings, stream: TextIO, worker: str) -> logging.Formatter:
    match settings.format:
        case LogFormat.JSON:
            return JsonFormatter(worker=worker)
        case LogFormat.TEXT:
            return TextFormatter(colours=takes_colours(stream), worker=worker)


def _handler(stream: TextIO) -> logging.Handler:
    try:
        return LogWriter(stream.fileno())
    except (OSError, ValueError):  # a stream of a test, or of a program that has replaced it
        return logging.StreamHandler(stream)

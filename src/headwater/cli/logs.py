"""Log lines for people or for machines, made from the library's standard `logging` records.

The library logs a constant message with its fields in `extra`; structlog renders both.
"""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from headwater.cli.terminal import takes_colours
from headwater.config.settings import LogFormat, LogSettings

_LEVELS = logging.getLevelNamesMapping()


def configure_logs(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send every log record to `stream` (stderr) in the format that `settings` asks for."""
    stream = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                escape_control_characters,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(settings.format, colours=takes_colours(stream)),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[settings.level.value.upper()])
    # asyncio logs each slow callback and signal at these levels: its own matters, not the owner's.
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def escape_control_characters(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Make what peers sent harmless: no line breaks and no terminal commands in a field."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = "".join(
                character if character.isprintable() else repr(character)[1:-1]
                for character in value
            )
    return event


def _renderers(log_format: LogFormat, *, colours: bool) -> list[Processor]:
    match log_format:
        case LogFormat.JSON:
            return [
                structlog.processors.format_exc_info,
                structlog.processors.EventRenamer("message"),
                structlog.processors.JSONRenderer(default=str),
            ]
        case LogFormat.TEXT:
            return [
                structlog.dev.ConsoleRenderer(
                    colors=colours,
                    pad_event_to=0,
                    exception_formatter=structlog.dev.plain_traceback,
                )
            ]

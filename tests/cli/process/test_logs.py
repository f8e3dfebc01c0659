"""Log lines as people and machines get them."""

import io
import json
import logging
import re
from datetime import datetime
from pathlib import Path

import pytest

from headwater.cli.process.logs import JsonFormatter, TextFormatter, configure_logs
from headwater.config.settings import LogFormat, LogLevel, LogSettings
from headwater.log_pace import paced_logger

LOG = paced_logger("headwater.test")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def log_to(stream: io.StringIO, settings: LogSettings) -> None:
    configure_logs(settings, stream)
    LOG.warning("reader is slow", extra={"mount": "/a", "session": "s1", "peer": "1.2.3.4:5"})


def test_a_text_line_has_the_message_and_its_fields() -> None:
    stream = io.StringIO()
    log_to(stream, LogSettings())
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    said = r"\[warning\] reader is slow \[headwater\.test\] mount=/a session=s1 peer=1\.2\.3\.4:5"
    assert re.fullmatch(f"{time} {said}\n", stream.getvalue())


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    log_to(stream, LogSettings())
    assert "\x1b[" in stream.getvalue()


def test_a_terminal_gets_none_where_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    log_to(stream, LogSettings())
    assert "\x1b" not in stream.getvalue()


def test_a_json_line_is_an_object_with_the_same() -> None:
    stream = io.StringIO()
    log_to(stream, LogSettings(format=LogFormat.JSON))
    line = json.loads(stream.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "message": "reader is slow",
        "level": "warning",
        "logger": "headwater.test",
        "mount": "/a",
        "session": "s1",
        "peer": "1.2.3.4:5",
    }


def test_the_lines_on_the_page_are_what_is_written() -> None:
    page = (Path(__file__).parents[3] / "docs" / "logs.md").read_text(encoding="utf-8")
    [as_json] = re.findall(r"^\{.*\}$", page, re.MULTILINE)
    [as_text] = re.findall(r"^\d{4}-.*\[info.*$", page, re.MULTILINE)
    fields = json.loads(as_json)
    said = {name: fields.pop(name) for name in ("timestamp", "level", "logger", "message")}
    record = logging.makeLogRecord(
        {
            "msg": said["message"],
            "name": said["logger"],
            "levelname": said["level"].upper(),
            "created": datetime.fromisoformat(said["timestamp"]).timestamp(),
            **fields,
        }
    )
    assert JsonFormatter().format(record) == as_json
    assert TextFormatter(colours=False).format(record) == as_text


@pytest.mark.parametrize("log_format", LogFormat)
def test_an_exception_comes_with_its_traceback(log_format: LogFormat) -> None:
    stream = io.StringIO()
    configure_logs(LogSettings(format=log_format), stream)
    try:
        raise RuntimeError("boom")
    except RuntimeError:
        LOG.exception("a hook failed", extra={"hook": "check_mount"})
    assert "Traceback (most recent call last)" in stream.getvalue()
    assert "RuntimeError: boom" in stream.getvalue()


def test_lower_levels_are_left_out() -> None:
    stream = io.StringIO()
    configure_logs(LogSettings(level=LogLevel.ERROR), stream)
    LOG.warning("not said")
    LOG.error("said")
    assert "not said" not in stream.getvalue()
    assert "said" in stream.getvalue()


@pytest.mark.parametrize("logger", [LOG, logging.getLogger("another.library")])
@pytest.mark.parametrize("log_format", LogFormat)
def test_what_peers_send_cannot_forge_lines_or_command_the_terminal(
    log_format: LogFormat, logger: logging.Logger
) -> None:
    stream = io.StringIO()
    configure_logs(LogSettings(format=log_format), stream)
    logger.warning("refused\n\x1b[2J", extra={"user_agent": "x\nforged line\x1b[2J\u202e\udcff"})
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().rstrip("\n").isprintable()


@pytest.mark.parametrize("log_format", LogFormat)
def test_what_asyncio_says_over_and_over_is_held_to_the_pace(log_format: LogFormat) -> None:
    stream = io.StringIO()
    configure_logs(LogSettings(format=log_format), stream)
    for number in range(1000):
        logging.getLogger("asyncio").error("socket.accept() failed\nsocket: <fd=%d>", number)
    assert 0 < stream.getvalue().count("\n") < 10

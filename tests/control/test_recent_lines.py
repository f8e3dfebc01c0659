"""The last lines of the log, in their order and not too many."""

from __future__ import annotations

import logging
import sys

from headwater.control.recent_lines import RecentLines
from headwater.log_pace import LinePace


def record(text: str, level: int = logging.INFO) -> logging.LogRecord:
    return logging.makeLogRecord(
        {
            "name": "headwater.x",
            "msg": text,
            "levelno": level,
            "levelname": logging.getLevelName(level),
        }
    )


def test_lines_have_numbers_to_go_on_from() -> None:
    recent = RecentLines()
    for text in ("one", "two", "three"):
        recent.note(record(text))
    assert [line.text for line in recent.after(1)] == ["two", "three"]
    assert recent.number == 3
    assert recent.after(3) == []
    assert (recent.after(2)[0].level, recent.after(2)[0].logger) == ("info", "headwater.x")


def test_the_oldest_make_room() -> None:
    recent = RecentLines(most=2)
    for number in range(5):
        recent.note(record(str(number)))
    assert [(line.number, line.text) for line in recent.after(0)] == [(4, "3"), (5, "4")]


def test_it_hears_what_is_logged_made_fit_and_with_its_traceback() -> None:
    pace, recent = LinePace(), RecentLines()
    pace.listeners.append(recent.note)
    failed = record("peer failed", logging.ERROR)
    vars(failed)["peer"] = "evil\nline\x1b[31m"
    try:
        raise ValueError("on purpose")
    except ValueError:
        failed.exc_info = sys.exc_info()
    assert pace.filter(failed)
    [line] = recent.after(0)
    assert "\\x1b" in line.text
    assert "peer failed" in line.text.splitlines()[0]
    assert "ValueError: on purpose" in line.text


def test_what_the_pace_leaves_out_is_not_heard() -> None:
    pace, recent = LinePace(), RecentLines()
    pace.listeners.append(recent.note)
    passed = sum(pace.filter(record("again", logging.WARNING)) for _ in range(50))
    assert passed < 50
    assert recent.number == passed

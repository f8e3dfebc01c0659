"""A record as a line: its message names what its fields hold, and nothing in it is raw."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from headwater.log_line import fields_of, is_fit, make_fit, size_bytes
from headwater.log_pace import LinePace
from headwater.shown_text import LINE_CHARACTERS

HOSTILE = "x\r\nforged\x1b]0;t\x07\x9b2J\u202e\u200b\u2028\udcff" + "y" * 1000


class Unprintable:
    def __str__(self) -> str:
        raise ValueError("no")


def record(text: str, *arguments: object, **fields: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"msg": text, "args": arguments, **fields})
    make_fit(made, fields_of(made))
    return made


def test_message_names_the_fields_and_the_event_stays() -> None:
    line = record("reader started", mount="/a", peer="[::1]:5", tls=False, count=3)
    assert line.getMessage() == "reader started mount=/a peer=[::1]:5 tls=False count=3"
    assert vars(line)["event"] == "reader started"
    assert fields_of(line) == {"mount": "/a", "peer": "[::1]:5", "tls": False, "count": 3}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a b", 'agent="a b"'),
        ("", 'agent=""'),
        ("x cause=no", 'agent="x cause=no"'),
        ('x" peer="y', "agent=\"x' peer='y\""),
        (["video/H264", "audio/\x1b"], r'agent="video/H264, audio/\x1b"'),
        (["one"], "agent=one"),
        (None, "agent=None"),
        (ValueError("no\n"), r"agent=no\n"),
        (Unprintable(), "agent=(Unprintable)"),
    ],
)
def test_value_cannot_be_taken_for_two(value: object, text: str) -> None:
    assert record("hello", agent=value).getMessage() == f"hello {text}"


def test_arguments_that_do_not_fit_cost_no_line() -> None:
    assert record("%d files", "no number").getMessage() == "%d files"
    assert record("%s of 100%%", 3).getMessage() == "3 of 100%"


@pytest.mark.parametrize("field", ["mount", "agent", "cause", "uri", "user", "session", "tracks"])
def test_nothing_raw_and_nothing_long_is_left(field: str) -> None:
    for value in (HOSTILE, [HOSTILE] * 40, (HOSTILE,), KeyError(HOSTILE)):
        line = record("refused", **{field: value})
        assert line.getMessage().isprintable()
        assert len(line.getMessage()) <= 16 * (64 + 2) + 40
        assert len(record("refused", **{field: HOSTILE}).getMessage()) <= LINE_CHARACTERS + 40
        for shown in fields_of(line).values():
            assert "".join(shown if isinstance(shown, list) else [str(shown)]).isprintable()


def test_traceback_is_set_in_and_bounded() -> None:
    try:
        raise KeyError(HOSTILE) from RuntimeError("2026-01-01 [info] forged\n" * 10_000)
    except KeyError:
        line = record("hook failed", exc_info=sys.exc_info())
    assert line.exc_text is not None
    assert all(text.startswith("  ") for text in line.exc_text.split("\n"))
    assert line.exc_text.replace("\n", "").isprintable()
    assert len(line.exc_text) <= 8192
    assert "KeyError" in line.exc_text


def test_any_formatter_shows_what_was_made_fit() -> None:
    """As in a program that embeds the server and calls `logging.basicConfig`."""
    stream = io.StringIO()
    logger = logging.Logger("headwater.test")  # noqa: LOG001 - no other sees it
    logger.addFilter(LinePace())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
    logger.addHandler(handler)
    try:
        raise KeyError(HOSTILE)
    except KeyError:
        logger.exception("request failed", extra={"mount": "/a", "cause": HOSTILE})
    first, *rest = stream.getvalue().rstrip("\n").split("\n")
    assert first.startswith("ERROR:headwater.test:request failed mount=/a cause=")
    assert all(line.startswith("  ") for line in rest)
    assert (first + "".join(rest)).isprintable()


def test_size_counts_text_and_traceback() -> None:
    plain = record("refused", cause="é" * 100)
    assert is_fit(plain)
    assert size_bytes(plain) > 200
    plain.exc_text = "x" * 5000
    assert size_bytes(plain) > 5200

"""Text of peers as it is shown in a log line, a terminal, JSON or a page."""

from __future__ import annotations

import json
import logging
import unicodedata

from fuzz.target import Target, text_of
from headwater.control.json_text import plain
from headwater.log_line import make_fit
from headwater.shown_text import shown, shown_lines

FIELDS = ("user_agent", "cause")


def run(data: bytes) -> None:
    most = 1 + data[0] if data else 1
    for text in (text_of(data[1:]), data[1:].decode(errors="surrogateescape")):
        fit = shown(text, most)
        assert len(fit) <= most
        _check_harmless(fit)
        assert shown(fit, most) == fit
        lines = shown_lines(text, 20 + most)
        assert len(lines) <= 20 + most
        for line in lines.split("\n"):
            assert line.startswith("  "), "a peer's line looks like one of the log"
            _check_harmless(line)
        _check_harmless(str(plain(text)))
        _check_log_line(text)


def _check_log_line(text: str) -> None:
    fields = dict.fromkeys(FIELDS, text)
    record = logging.makeLogRecord({"msg": "request refused", **fields})
    make_fit(record, fields)
    line = record.getMessage()
    _check_harmless(line)
    assert line.startswith("request refused user_agent=")
    assert line.count(" cause=") >= 1
    assert line.count('"') % 2 == 0, "a value that ends before its end"


def _check_harmless(fit: str) -> None:
    assert fit.isprintable()
    # Control, format, surrogate, private and unassigned; separators other than the space.
    assert not {unicodedata.category(c)[0] for c in fit if c != " "} & {"C", "Z"}
    fit.encode()
    assert json.loads(json.dumps(fit, ensure_ascii=False)) == fit


TARGET = Target(
    invariant="any text becomes printable, within its length and one line, and is shown the same "
    "when it is shown again",
    run=run,
    words=(
        *(b"\x1b[2J", b"\x1b]0;t\x07", b"\r\n", b"\x00", b"\x7f", b"\xff", b'" cause="'),
        *(mark.encode() for mark in ("\u202e", "\u2066", "\u200b", "\u2028", "\u00a0", "\ufeff")),
        *(mark.encode() for mark in ("\u0301\u0301\u0301", "\u3164", "\u009b", "\U000e0001")),
        b"\xed\xa0\x80",
    ),
    max_bytes=600,
)

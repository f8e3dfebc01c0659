"""Lines of a kind are logged while they are few; beyond that the next one tells their number."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Iterator

import pytest

import headwater
from headwater.log_pace import EVENTS, FAULTS, PACE, Allowance, LinePace

OUT_OF_REACH = ("headwater.cli", "headwater.app", "headwater.__main__")
"""Rooms whose lines no peer can bring about: once at the start, the stop or a signal."""


class Log:
    """A logger with a pace of its own, whose clock stands still until it is put forward."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.records: list[logging.LogRecord] = []
        self.logger = logging.Logger("test", logging.DEBUG)  # noqa: LOG001 - no other sees it
        self.logger.addFilter(LinePace(lambda: self.now))
        keep = logging.Handler()
        keep.emit = self.records.append  # type: ignore[method-assign]
        self.logger.addHandler(keep)

    def left_out(self) -> list[int | None]:
        return [vars(record).get("left_out") for record in self.records]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.mark.parametrize(
    ("level", "allowance"),
    [(logging.INFO, EVENTS), (logging.WARNING, FAULTS), (logging.ERROR, FAULTS)],
)
def test_next_line_tells_what_was_left_out(log: Log, level: int, allowance: Allowance) -> None:
    at_once = allowance.at_once
    for _ in range(at_once + 7):
        log.logger.log(level, "door slammed")
    assert log.left_out() == [None] * at_once
    log.now += 1.0
    log.logger.log(level, "door slammed")
    log.logger.log(level, "another")
    assert log.left_out()[at_once:] == [7, None]


def test_flood_is_held_to_its_lines_a_second(log: Log) -> None:
    for _ in range(60 * 64):
        log.logger.error("hook failed", exc_info=ValueError("no"))
        log.now += 1 / 64
    log.now += 1.0
    log.logger.error("hook failed")
    assert len(log.records) == FAULTS.at_once + 60
    told = sum(count or 0 for count in log.left_out())
    assert len(log.records) + told == 60 * 64 + 1


def test_kinds_do_not_silence_each_other(log: Log) -> None:
    for setting in ("limits.sessions", "limits.connections"):
        for number in range(FAULTS.at_once + 1):
            log.logger.warning("limit reached", extra={"setting": setting, "peer": str(number)})
    assert len(log.records) == 2 * FAULTS.at_once
    log.logger.warning("address paused")
    assert log.records[-1].msg == "address paused"


def test_debugging_lines_are_all_logged(log: Log) -> None:
    for _ in range(1000):
        log.logger.debug("connection closed")
    assert len(log.records) == 1000


def test_quiet_time_gives_no_more_than_at_once(log: Log) -> None:
    log.logger.warning("limit reached")
    log.now += 3600.0
    for _ in range(20):
        log.logger.warning("limit reached")
    assert len(log.records) == 1 + FAULTS.at_once


def test_pace_that_forgets_begins_anew() -> None:
    pace = LinePace(lambda: 0.0)
    record = logging.makeLogRecord({"levelno": logging.ERROR, "msg": "x"})
    assert [pace.filter(record) for _ in range(FAULTS.at_once + 1)][-1] is False
    pace.forget()
    assert pace.filter(record)


def _loggers() -> Iterator[tuple[str, logging.Logger]]:
    for module in pkgutil.walk_packages(headwater.__path__, "headwater."):
        if module.name.startswith(OUT_OF_REACH):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, logging.Logger):
                yield module.name, value


def test_every_logger_that_peers_reach_is_held_to_the_pace() -> None:
    loggers = dict(_loggers())
    assert len(loggers) > 20
    assert [name for name, logger in loggers.items() if PACE not in logger.filters] == []

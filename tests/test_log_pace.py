"""Lines of a kind are logged while they are few; beyond that the next one tells their number."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Iterator

import pytest
from logged import event_of

import headwater
from headwater.log_line import size_bytes
from headwater.log_pace import (
    EVENT_BYTES,
    EVENTS,
    FAULT_BYTES,
    FAULTS,
    PACE,
    Allowance,
    ByteAllowances,
    LinePace,
)

OUT_OF_REACH = ("headwater.cli", "headwater.libav", "headwater.__main__")
"""Rooms whose lines no peer can bring about: once at the start, the stop or a signal."""


class Log:
    """A logger with a pace of its own, whose clock stands still until it is put forward."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.records: list[logging.LogRecord] = []
        self.logger = logging.Logger("test", logging.DEBUG)  # noqa: LOG001 - no other sees it
        self.pace = LinePace(lambda: self.now)
        self.logger.addFilter(self.pace)
        keep = logging.Handler()
        keep.emit = self.records.append  # type: ignore[method-assign, assignment]
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
    records = [
        logging.makeLogRecord({"levelno": logging.ERROR, "msg": "x"})
        for _ in range(FAULTS.at_once + 2)
    ]
    last = records.pop()
    assert [pace.filter(record) for record in records][-1] is False
    pace.forget()
    assert pace.filter(last)


def size_of(log: Log) -> int:
    return sum(map(size_bytes, log.records))


FLOOD_S = 600


def flood(log: Log, level: int, address: str, kinds: int) -> None:
    """A line of 300 bytes and more each second for ten minutes, of each of so many kinds."""
    for number in range(FLOOD_S):
        peer = address.format(number)
        for kind in range(kinds):
            fields = {"peer": peer, "setting": str(kind), "cause": "x" * 1_000}
            log.logger.log(level, "limit reached", extra=fields)
        log.now += 1.0


def most_within(allowance: Allowance, seconds: int = FLOOD_S) -> float:
    # One line more than there was room for: it is told from the allowance of those behind it.
    return allowance.at_once + seconds * allowance.per_s + 1000


@pytest.mark.parametrize(
    ("level", "allowances"), [(logging.INFO, EVENT_BYTES), (logging.WARNING, FAULT_BYTES)]
)
@pytest.mark.parametrize("address", ["192.0.2.7:{}", "[2001:db8::{:x}]:5000"])
def test_one_address_writes_no_more_than_its_bytes(
    log: Log, level: int, allowances: ByteAllowances, address: str
) -> None:
    flood(log, level, address, kinds=1)
    assert 0 < size_of(log) <= most_within(allowances.kind_of_address)
    log.records.clear()
    log.now += 3600
    flood(log, level, address, kinds=8)
    assert 0 < size_of(log) <= most_within(allowances.address)


def test_many_addresses_together_write_some_megabytes_an_hour(log: Log) -> None:
    for level in (logging.INFO, logging.WARNING):
        flood(log, level, "192.0.2.{}:5000", kinds=8)
    both = (EVENT_BYTES.all, FAULT_BYTES.all)
    most = sum(map(most_within, both))
    assert most / 4 < size_of(log) <= most
    assert sum(most_within(allowance, 3_600) for allowance in both) < 12_000_000


def test_who_floods_silences_no_other_and_no_warning(log: Log) -> None:
    flood(log, logging.INFO, "192.0.2.7:5000", kinds=8)
    log.records.clear()
    log.logger.info("reader started", extra={"peer": "192.0.2.8:6000"})
    log.logger.info("limit reached", extra={"peer": "192.0.2.8:6000", "setting": "1"})
    log.logger.warning("slow reader closed", extra={"peer": "192.0.2.7:5000"})
    assert [event_of(record) for record in log.records] == [
        "reader started",
        "limit reached",
        "slow reader closed",
    ]


def test_bytes_that_were_left_out_are_told_and_counted(log: Log) -> None:
    flood(log, logging.INFO, "192.0.2.7:5000", kinds=1)
    told = [vars(record) for record in log.records if "left_out" in vars(record)]
    assert told
    assert all(fields["left_out_bytes"] > 256 * fields["left_out"] for fields in told)
    totals = log.pace.totals
    assert len(log.records) + totals.left_out_lines == FLOOD_S
    assert sum(fields["left_out_bytes"] for fields in told) <= totals.left_out_bytes


def test_line_that_will_be_left_out_needs_no_record(log: Log) -> None:
    fields = {"peer": "192.0.2.7:5000", "mount": "/hall"}
    for _ in range(EVENTS.at_once):
        assert not log.pace.leaves_out("test", "reader started", *fields.values())
        log.logger.info("reader started", extra=fields)
    log.logger.info("reader started", extra=fields)
    by_record = log.pace.totals.left_out_bytes
    for _ in range(6):
        assert log.pace.leaves_out("test", "reader started", *fields.values())
    assert log.pace.totals.left_out_lines == 7
    assert log.pace.totals.left_out_bytes == 7 * by_record
    assert not log.pace.leaves_out("test", "reader stopped", *fields.values())
    log.now += 1.0
    assert not log.pace.leaves_out("test", "reader started", *fields.values())
    log.logger.info("reader started", extra=fields)
    assert log.left_out() == [None] * EVENTS.at_once + [7]


def test_addresses_that_are_told_apart_have_a_bound() -> None:
    pace = LinePace(lambda: 0.0)
    for number in range(20_000):
        fields = {"levelno": logging.INFO, "msg": f"kind {number}", "peer": f"10.0.0.{number}:1"}
        pace.filter(logging.makeLogRecord(fields))
    assert len(pace._kinds) <= 1024
    assert len(pace._buckets) <= 4096


def test_same_traceback_is_written_once_a_minute(log: Log) -> None:
    def fail(text: str) -> None:
        try:
            raise ValueError(text)
        except ValueError:
            log.logger.exception("hook failed", extra={"hook": "check_mount"})

    for _ in range(61):
        fail("no")
        log.now += 1.0
    with_traceback = [number for number, r in enumerate(log.records) if r.exc_text]
    assert with_traceback == [0, 60]
    assert vars(log.records[1])["traceback"] == "as before"


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

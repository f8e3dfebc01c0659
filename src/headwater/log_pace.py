"""How much may be logged: what peers can bring about must not fill a disk."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

from headwater.log_line import fields_of, is_fit, make_fit, rough_size_bytes, size_bytes, texts_of


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much may come at once, and how much more with each second: lines, or bytes."""

    at_once: int
    per_s: float


FAULTS: Final = Allowance(at_once=5, per_s=1.0)
"""Warnings and errors, lines of one kind. A few tell what is wrong, and a traceback is long."""

EVENTS: Final = Allowance(at_once=100, per_s=10.0)
"""What happens in the day, lines of one kind: a crowd that comes together is told one by one."""


@dataclass(frozen=True, slots=True)
class ByteAllowances:
    """Bytes of log: of one kind of line, of one kind from one address, of one address, of all."""

    kind: Allowance
    kind_of_address: Allowance
    address: Allowance
    all: Allowance


FAULT_BYTES: Final = ByteAllowances(
    kind=Allowance(65_536, 500),
    kind_of_address=Allowance(32_768, 125),
    address=Allowance(65_536, 250),
    all=Allowance(262_144, 1000),
)
"""Warnings and errors: at most 3.6 MB an hour; 0.9 MB of them for what one address does."""

EVENT_BYTES: Final = ByteAllowances(
    kind=Allowance(131_072, 1000),
    kind_of_address=Allowance(65_536, 250),
    address=Allowance(131_072, 500),
    all=Allowance(524_288, 2000),
)
"""What happens in the day: at most 7.2 MB an hour; 1.8 MB of them for what one address does."""

_OWN_KINDS: Final = frozenset({"setting", "hook", "side", "advice"})
"""Fields whose values are kinds of their own. The owner names them, so they are few."""

_KINDS: Final = 1024
_ADDRESSES: Final = 4096
"""So many are told apart; those seen longest ago are forgotten, the allowance of all stays."""

_TRACEBACK_EVERY_S: Final = 60.0


@dataclass(slots=True)
class LogTotals:
    """What became of this process's log lines: left out by the pace, dropped by a stuck output."""

    left_out_lines: int = 0
    left_out_bytes: int = 0
    dropped_lines: int = 0
    dropped_bytes: int = 0


TOTALS: Final = LogTotals()


class _Bucket:
    """What is left of an allowance."""

    __slots__ = ("_allowance", "_refilled_s", "left")

    def __init__(self, allowance: Allowance, now: float) -> None:
        self.left = float(allowance.at_once)
        self._allowance = allowance
        self._refilled_s = now

    def refill(self, now: float) -> None:
        """Add what the time since the last call allows."""
        more = (now - self._refilled_s) * self._allowance.per_s
        self.left = min(self._allowance.at_once, self.left + more)
        self._refilled_s = now


class _Kind:
    """Lines of one kind: how many more may come, what was left out, which traceback is known."""

    __slots__ = ("left_out", "left_out_bytes", "lines", "traceback", "traceback_s")

    def __init__(self, allowance: Allowance, now: float) -> None:
        self.lines = _Bucket(allowance, now)
        self.left_out = 0
        self.left_out_bytes = 0
        self.traceback: Hashable = None
        self.traceback_s = 0.0


class LinePace(logging.Filter):
    """Lets a logger's lines through while they are few and short, and makes them fit to be read.

    A kind of line is its constant text, with the setting or hook that it names. Lines of a kind
    are counted; their bytes are too, by kind, by address, by both, and in all, warnings apart
    from what happens in the day. The next line of a kind tells in the fields `left_out` and
    `left_out_bytes` what was not logged before it. A traceback from the same place as the one
    before is written once a minute. Debugging lines are not counted: whoever asks for them wants
    all.

    Attributes:
        clock: monotonic seconds.
        totals: what was left out in all.
        listeners: what is told of each line that is logged.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, totals: LogTotals | None = None
    ) -> None:
        super().__init__()
        self.clock = clock
        self.totals = LogTotals() if totals is None else totals
        self.listeners: list[Callable[[logging.LogRecord], None]] = []
        self._kinds: OrderedDict[Hashable, _Kind] = OrderedDict()
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether this line is logged; what it says is made fit for that."""
        passes = self._passes(record)
        if passes:
            for listener in self.listeners:
                listener(record)
        return passes

    def _passes(self, record: logging.LogRecord) -> bool:
        if is_fit(record):
            return True
        fields = fields_of(record)
        if record.levelno < logging.INFO:
            make_fit(record, fields)
            return True
        now = self.clock()
        fault = record.levelno >= logging.WARNING
        # asyncio's messages say on their second line which task or socket it was.
        name = _kind_name(record.name, str(record.msg).partition("\n")[0], fields)
        kind = self._kind(name, FAULTS if fault else EVENTS, now)
        if kind.lines.left < 1:
            return self._leave_out(kind, rough_size_bytes(texts_of(fields)))
        kind.lines.left -= 1
        self._leave_out_traceback(record, fields, kind, now)
        # Those told below are not measured: they have been, and are short.
        told = (
            {"left_out": kind.left_out, "left_out_bytes": kind.left_out_bytes}
            if kind.left_out
            else {}
        )
        make_fit(record, fields | told)
        if not self._pay(size_bytes(record), fault, name, _address_of(fields.get("peer")), now):
            return self._leave_out(kind, size_bytes(record))
        kind.left_out = kind.left_out_bytes = 0
        return True

    def leaves_out(self, logger: str, event: str, *texts: str) -> bool:
        """Say whether a line of what happens in the day will not be logged, before it is made.

        It is counted as left out then. A record takes 10 µs to make, and a crowd brings thousands.
        `texts` are the values of its fields, of which none makes a kind of its own.
        """
        kind = self._kind((logger, event), EVENTS, self.clock())
        return kind.lines.left < 1 and not self._leave_out(kind, rough_size_bytes(texts))

    def forget(self) -> None:
        """Begin anew, as if nothing had been logged."""
        self._kinds.clear()
        self._buckets.clear()

    def _kind(self, name: Hashable, allowance: Allowance, now: float) -> _Kind:
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = _Kind(allowance, now)
            if len(self._kinds) > _KINDS:
                self._kinds.popitem(last=False)
        self._kinds.move_to_end(name)
        kind.lines.refill(now)
        return kind

    def _leave_out(self, kind: _Kind, size: int) -> bool:
        kind.left_out += 1
        kind.left_out_bytes += size
        self.totals.left_out_lines += 1
        self.totals.left_out_bytes += size
        return False

    @staticmethod
    def _leave_out_traceback(
        record: logging.LogRecord, fields: dict[str, object], kind: _Kind, now: float
    ) -> None:
        place = _raised_at(record)
        if place is None:
            return
        if place != kind.traceback or now - kind.traceback_s >= _TRACEBACK_EVERY_S:
            kind.traceback, kind.traceback_s = place, now
            return
        record.exc_info = None
        fields["traceback"] = "as before"

    def _pay(self, size: int, fault: bool, kind: Hashable, address: str, now: float) -> bool:
        """Take a line's bytes from every allowance that it falls under, or from none."""
        allowances = FAULT_BYTES if fault else EVENT_BYTES
        buckets = [
            self._bucket((fault, "all"), allowances.all, now),
            self._bucket((fault, "kind", kind), allowances.kind, now),
        ]
        if address:
            buckets += [
                self._bucket((fault, "address", address), allowances.address, now),
                self._bucket((fault, kind, address), allowances.kind_of_address, now),
            ]
        if any(bucket.left <= 0 for bucket in buckets):
            return False
        for bucket in buckets:
            # The last line may be longer than what is left, which the next ones wait for.
            bucket.left -= size
        return True

    def _bucket(self, name: Hashable, allowance: Allowance, now: float) -> _Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(allowance, now)
            if len(self._buckets) > _ADDRESSES:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        bucket.refill(now)
        return bucket


PACE: Final = LinePace(totals=TOTALS)
"""Of the whole process, as the log is."""


def paced_logger(name: str) -> logging.Logger:
    """Return the logger of this name, held to the pace, its lines fit to be read."""
    logger = logging.getLogger(name)
    logger.addFilter(PACE)
    return logger


def _kind_name(logger: str, event: str, fields: Mapping[str, object]) -> Hashable:
    if _OWN_KINDS.isdisjoint(fields):
        return logger, event
    return (logger, event, *[str(fields.get(field)) for field in _OWN_KINDS])


def _address_of(peer: object) -> str:
    """Return the address in a line's `peer`; of an IPv6 one the first 64 bits: one customer."""
    if not isinstance(peer, str):
        return ""
    host = peer[1:].partition("]")[0] if peer.startswith("[") else peer
    if host.count(":") < 2:
        return host.partition(":")[0]
    try:
        return IPv6Address(host.partition("%")[0]).packed[:8].hex()
    except ValueError:
        return host


def _raised_at(record: logging.LogRecord) -> Hashable:
    """Return what was raised where; None without a traceback."""
    if not isinstance(record.exc_info, tuple):
        return None
    kind, _, step = record.exc_info
    if kind is None:
        return None
    if step is None:
        return kind.__name__, "", 0
    while step.tb_next is not None:
        step = step.tb_next
    return kind.__name__, step.tb_frame.f_code.co_filename, step.tb_lineno

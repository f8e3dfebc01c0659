"""The log's way out, which nobody waits for: a full pipe or disk stops the log, not the server.

Lines go into a bounded queue, a thread of its own writes them. Where they cannot leave they are
dropped and counted, and the next line that leaves tells how many. (Making the descriptor itself
non-blocking would do so for every program that shares the terminal.)
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
import weakref
from collections import deque
from typing import Final

from headwater.log_pace import TOTALS, LogTotals

QUEUE_BYTES: Final = 1_048_576
_FLUSH_DEADLINE_S: Final = 1.0
_RETRY_S: Final = 0.1


class LogWriter(logging.Handler):
    """Writes lines to a descriptor from a thread of its own.

    `flush`, which Python also calls at its end, waits a second at most for what is queued.
    A process that is forked off begins with an empty queue.
    """

    def __init__(self, descriptor: int, totals: LogTotals = TOTALS) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._totals = totals
        self._line_torn = False
        self._thread: threading.Thread | None = None
        self._begin()
        if hasattr(os, "register_at_fork"):
            this = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: _begin_again(this()))

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line; one that finds no room is dropped and counted."""
        line = self._line_of(record)
        with self._changed:
            if not line or self._queued_bytes + len(line) > QUEUE_BYTES:
                self._drop(line)
                return
            self._queue.append(line)
            self._queued_bytes += len(line)
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="log", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Wait until what is queued has left, a second at most."""
        deadline_s = time.monotonic() + _FLUSH_DEADLINE_S
        with self._changed:
            while self._queued_bytes and (left_s := deadline_s - time.monotonic()) > 0:
                self._changed.wait(left_s)

    def _begin(self) -> None:
        # No lock of a former life is used: another thread may have held it when the fork came.
        self._changed = threading.Condition(threading.Lock())
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._thread = None
        self._untold_lines = self._untold_bytes = 0

    def _line_of(self, record: logging.LogRecord) -> bytes:
        try:
            return self.format(record).encode(errors="backslashreplace") + b"\n"
        except Exception:  # noqa: BLE001 - no line is worth the caller's work
            return b""

    def _drop(self, line: bytes) -> None:
        self._totals.dropped_lines += 1
        self._totals.dropped_bytes += len(line)
        self._untold_lines += 1
        self._untold_bytes += len(line)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._queue:
                    self._changed.wait()
                line = self._queue.popleft()
            written = self._write(line)
            with self._changed:
                self._queued_bytes -= len(line)
                if not written:
                    self._drop(line)
                elif self._untold_lines:
                    self._tell_dropped()
                self._changed.notify_all()

    def _tell_dropped(self) -> None:
        record = logging.makeLogRecord(
            {
                "name": __name__,
                "levelno": logging.WARNING,
                "levelname": "WARNING",
                "msg": "log lines dropped",
                "lines": self._untold_lines,
                "bytes": self._untold_bytes,
                "cause": "whatever takes the log did not take them",
            }
        )
        self._untold_lines = self._untold_bytes = 0
        line = self._line_of(record)
        self._queue.appendleft(line)
        self._queued_bytes += len(line)

    def _write(self, line: bytes) -> bool:
        """Write the line, however long that takes; False where it cannot be written."""
        text = b"\n" + line if self._line_torn else line
        sent = 0
        while sent < len(text):
            try:
                sent += os.write(self._descriptor, text[sent:])
            except BlockingIOError:
                _wait_until_writable(self._descriptor)
            except OSError:
                break
        if sent:
            self._line_torn = text[sent - 1 : sent] != b"\n"
        return sent == len(text)


def _wait_until_writable(descriptor: int) -> None:
    """Wait for a descriptor that another program, which shares it, made non-blocking."""
    try:
        select.select([], [descriptor], [])
    except (OSError, ValueError):
        time.sleep(_RETRY_S)


def _begin_again(writer: LogWriter | None) -> None:
    if writer is not None:
        writer._begin()  # noqa: SLF001 - in the child of a fork, for this module alone

"""A process of its own process group, and the last that it said."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_TAIL_BYTES: Final = 8192
_READ_BYTES: Final = 65_536
_END_S: Final = 3.0
_HAS_GROUPS: Final = hasattr(os, "killpg")
_HAS_WAITID: Final = hasattr(os, "waitid")
_KILL: Final[int] = getattr(signal, "SIGKILL", signal.SIGTERM)
_SHELL: Final = "/bin/sh"
_WATCH: Final = """
trap '' HUP INT TERM
read -r _
kill -TERM 0
sleep 3
kill -KILL 0
"""
"""Waits until its standard input ends, which it does however the server ends, and then ends all
processes of its group."""
_BEGIN: Final = """
exec 3<&0 </dev/null
/bin/sh -c "$0" <&3 3<&- >/dev/null 2>&1 &
exec 3<&-
exec "$@"
"""
"""Starts what `_WATCH` says beside itself, and becomes the program of its arguments."""


class Program:
    """One run of a program: `start`, then until `exited`, and `end` once, whatever came before.

    It ends with this process, also where that is killed: one with an order sees to that itself, by
    its standard input; of any other a process in its group does, where the system has groups.

    Attributes:
        exited: done, with the exit code, once its first process is gone; below 0 a signal.
    """

    def __init__(
        self, words: Sequence[str], environment: Mapping[str, str], order: bytes = b""
    ) -> None:
        """`order` is written to its standard input, which then stays open until the end.

        Without one its standard input is empty.
        """
        self._loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = self._loop.create_future()
        self._words = list(words)
        self._environment = dict(environment)
        self._order = order
        self._process: subprocess.Popen[bytes] | None = None
        self._tail = b""
        self._reader: threading.Thread | None = None
        self._lock = threading.Lock()
        self._is_gone = False

    def start(self) -> None:
        """Start it. Raises OSError where that cannot be."""
        words, is_watched = self._words, not self._order and _HAS_GROUPS and Path(_SHELL).exists()
        if is_watched:
            _require_program(words[0], self._environment.get("PATH"))
            words = [_SHELL, "-c", _BEGIN, _WATCH, *words]
        has_input = is_watched or self._order
        process = subprocess.Popen(  # noqa: S603 (the owner's program, or this one)
            words,
            env=self._environment,
            stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the terminal is for this process, which ends the other.
            start_new_session=True,
        )
        self._process = process
        if self._order and process.stdin is not None:
            with suppress(OSError):  # it may be gone already; its exit tells
                process.stdin.write(self._order)
                process.stdin.flush()
        self._reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._reader.start()
        threading.Thread(target=self._wait, args=(process,), daemon=True).start()

    @property
    def last_lines(self) -> list[str]:
        """What it has said last, on standard output and standard error, in lines."""
        return self._tail.decode(errors="replace").splitlines()

    async def end(self) -> None:
        """End it and all that it started: asked first, then by force. Wait until it is gone."""
        process = self._process
        if process is None:
            return
        try:
            if not self.exited.done():
                self._signal(process, signal.SIGTERM)
                await asyncio.wait([self.exited], timeout=_END_S)
        finally:
            self._signal(process, _KILL)
            if process.stdin is not None:
                with suppress(OSError):
                    process.stdin.close()
        await asyncio.wait([self.exited])

    async def said_all(self) -> None:
        """Wait until what it said before its exit is read, within a second."""
        if self._reader is not None:
            await asyncio.to_thread(self._reader.join, 1.0)

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        descriptor = process.stdout.fileno()
        with suppress(OSError):
            while chunk := os.read(descriptor, _READ_BYTES):
                self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
        process.stdout.close()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        if _HAS_WAITID:
            # Its number, which is its group's, is nobody else's before it has been waited for.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            self._signal(process, _KILL)
        else:
            process.wait()
            _signal_group(process, _KILL)
        with self._lock:
            self._is_gone = True
            code = process.wait()
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._note_exit, code)

    def _signal(self, process: subprocess.Popen[bytes], number: int) -> None:
        with self._lock:
            if not self._is_gone:
                _signal_group(process, number)

    def _note_exit(self, code: int) -> None:
        if not self.exited.done():
            self.exited.set_result(code)


def _require_program(name: str, path: str | None) -> None:
    """Raise OSError as a start without a shell does where there is no such program."""
    if shutil.which(name, path=path) is None:
        number = errno.EACCES if os.sep in name and Path(name).exists() else errno.ENOENT
        raise OSError(number, os.strerror(number), name)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a process and all that it has started in its group."""
    with suppress(ProcessLookupError, PermissionError):
        if _HAS_GROUPS:
            os.killpg(process.pid, number)
        elif number == _KILL:
            process.kill()
        else:
            process.terminate()

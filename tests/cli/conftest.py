"""The command line as a person runs it: a process, what it says, and signals."""

import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from film import clip
from short_folder import short_folder

__all__ = ["clip", "short_folder"]

DEADLINE_S = 30.0


class RunningCommand:
    """A `headwater` process whose output is collected while it runs."""

    def __init__(self, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "headwater", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )
        self._said = ""
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        """Everything said so far."""
        with self._changed:
            return self._said

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first match of `pattern` in what the process says, within the deadline."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._ended or re.search(pattern, self._said), timeout=DEADLINE_S
            )
            match = re.search(pattern, self._said)
            assert match is not None, f"no {pattern!r} in:\n{self._said}"
            return match

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def exit_code(self) -> int:
        """The exit code, within the deadline."""
        code = self._process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        return code

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait(DEADLINE_S)
        if self._process.stdout is not None:
            self._reader.join(DEADLINE_S)
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._said += line
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


Start = Callable[..., RunningCommand]


@pytest.fixture
def runtime(short_folder: Path) -> Path:
    """The runtime folder of the user who starts commands."""
    folder = short_folder / "runtime"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def start(runtime: Path) -> Iterator[Start]:
    """Start `headwater` with arguments; what still runs at the end is killed.

    Its status socket goes to a folder of the test: one that is killed leaves it behind.
    """
    running: list[RunningCommand] = []

    def start_command(*arguments: str, environment: dict[str, str] | None = None) -> RunningCommand:
        own = {"XDG_RUNTIME_DIR": str(runtime)}
        command = RunningCommand(arguments, own | (environment or {}))
        running.append(command)
        return command

    yield start_command
    for command in running:
        command.kill()


@pytest.fixture(autouse=True)
def _root_logger_restored() -> Iterator[None]:
    """The command line sets up logging for its whole process; a test is none."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)

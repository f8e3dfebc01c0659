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
from typing import IO, Protocol

import pytest
from film import clip
from forked_command import ForkedCommand
from rtsp_peer import RtspPeer
from short_folder import short_folder
from udp_peer import UdpPair

__all__ = ["clip", "short_folder"]

DEADLINE_S = 30.0


class Process(Protocol):
    """A process, however it was started."""

    @property
    def pid(self) -> int: ...

    def send_signal(self, number: signal.Signals) -> None: ...

    def kill(self) -> None: ...

    def wait(self, timeout: float) -> int: ...


class RunningCommand:
    """A `headwater` process whose output, one for both streams, is collected while it runs."""

    def __init__(self, process: Process, output: IO[str]) -> None:
        self._process = process
        self._output = output
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
        self._reader.join(DEADLINE_S)
        self._output.close()

    def _read(self) -> None:
        for line in self._output:
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


@pytest.fixture(scope="session")
def forked(request: pytest.FixtureRequest) -> Iterator[ForkedCommand]:
    """The program that has loaded everything; a coverage run measures its forks too."""
    measured = bool(request.config.getoption("cov_source", default=None))
    with ForkedCommand(measured=measured) as command:
        yield command


@pytest.fixture
def running() -> Iterator[list[RunningCommand]]:
    """Commands of a test; what still runs at its end is killed."""
    commands: list[RunningCommand] = []
    yield commands
    for command in commands:
        command.kill()


@pytest.fixture
def start(runtime: Path, forked: ForkedCommand, running: list[RunningCommand]) -> Start:
    """Start `headwater` with arguments, in a process that need not load it.

    Its status socket goes to a folder of the test: one that is killed leaves it behind.
    """

    def start_command(*arguments: str, environment: dict[str, str] | None = None) -> RunningCommand:
        whole = {**os.environ, "XDG_RUNTIME_DIR": str(runtime)} | (environment or {})
        output, descriptor = os.pipe()
        process = forked.start(arguments, whole, descriptor, descriptor)
        os.close(descriptor)
        command = RunningCommand(process, os.fdopen(output, encoding="utf-8"))
        running.append(command)
        return command

    return start_command


@pytest.fixture
def start_program(runtime: Path, running: list[RunningCommand]) -> Start:
    """Start `python -m headwater` with arguments, all of it as a user does."""

    def start_command(*arguments: str, environment: dict[str, str] | None = None) -> RunningCommand:
        process = subprocess.Popen(
            [sys.executable, "-m", "headwater", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)} | (environment or {}),
        )
        assert process.stdout is not None
        command = RunningCommand(process, process.stdout)
        running.append(command)
        return command

    return start_command


@pytest.fixture(autouse=True)
def _root_logger_restored() -> Iterator[None]:
    """The command line sets up logging for its whole process; a test is none."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def closed_peers() -> Iterator[None]:
    """What a test left open is open until its servers have ended."""
    yield
    RtspPeer.forget_all()
    UdpPair.close_all()

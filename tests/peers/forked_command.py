"""Runs `headwater` many times: each time a process of its own, but what it loads is loaded once.

To load what `serve` needs takes a second of a core, twice: the command hands over to a program
without the command line. The program of this file has loaded it. For each command line that comes
by its socket, with the descriptor to write to, it forks a process that becomes `python -m
headwater`; and that process becomes the program that takes the command's place (`handover.py`).
Under a coverage run the forks are measured: what they do is the same as in a program of its own.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import TracebackType
from typing import NoReturn, Self

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 60.0
_MOST_BYTES = 100_000


class ForkedProcess:
    """One fork; whoever made it is told its id, and later its exit code, by a socket."""

    def __init__(self, told: socket.socket) -> None:
        self._told = told
        self._code: int | None = None
        self.pid = self._next(DEADLINE_S)

    def send_signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float) -> int:
        """Its exit code. Raises TimeoutError."""
        if self._code is None:
            self._code = self._next(timeout)
            self._told.close()
        return self._code

    def _next(self, timeout: float) -> int:
        self._told.settimeout(timeout)
        return int(self._told.recv(100))


class ForkedCommand:
    """The program that forks, for the time of a `with` block; `prefix` runs it as another user."""

    def __init__(self, prefix: Sequence[str] = (), *, measured: bool = False) -> None:
        self._requests, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            # Without -P the folder of this file would be where the command looks for modules first.
            self._process = subprocess.Popen(
                [*prefix, sys.executable, "-P", __file__, str(other.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(other.fileno(),),
            )
        self._measured = measured

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._requests.close()
        self._process.wait(DEADLINE_S)

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], out: int, err: int
    ) -> ForkedProcess:
        """Start a command line, which writes to these descriptors."""
        told, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = json.dumps([arguments, dict(environment), self._measured]).encode()
        with other:
            socket.send_fds(self._requests, [request], [out, err, other.fileno()])
        return ForkedProcess(told)

    def run(self, *arguments: str, environment: Mapping[str, str]) -> tuple[int, str]:
        """Return the exit code of a command line, and what it wrote to standard error."""
        code, _, said = self.run_whole(*arguments, environment=environment)
        return code, said

    def run_whole(self, *arguments: str, environment: Mapping[str, str]) -> tuple[int, str, str]:
        """Return the exit code of a command line, its output, and what it said besides."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
            process = self.start(arguments, environment, out.fileno(), said.fileno())
            code = process.wait(DEADLINE_S)
            for file in (out, said):
                file.seek(0)
            return code, out.read().decode(), said.read().decode()


def _serve(requests: socket.socket) -> bool:
    """Fork for each request; a fork returns, to become the command, and says if it is measured."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, _MOST_BYTES, 3)
        if not request:
            sys.exit()
        if not os.fork():
            break
        for descriptor in descriptors:
            os.close(descriptor)
    # Who waits for the command is a process too: nothing else may go on in one that forks.
    requests.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out, err, teller = descriptors
    with socket.socket(fileno=teller) as told:
        if child := os.fork():
            os.close(out)
            os.close(err)
            told.send(str(child).encode())
            _, status = os.waitpid(child, 0)
            # Nobody may be there to hear it.
            with contextlib.suppress(OSError):
                told.send(str(os.waitstatus_to_exitcode(status)).encode())
            os._exit(0)
    arguments, environment, measured = json.loads(request)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["headwater", *arguments]
    for descriptor, target in ((out, 1), (err, 2)):
        os.dup2(descriptor, target)
        os.close(descriptor)
    os.execv = _become  # type: ignore[assignment]
    return bool(measured)


def _become(_program: str, arguments: Sequence[str]) -> NoReturn:
    """Run the module that is to take the command's place, as a new program would."""
    _, module, *rest = arguments[arguments.index("-m") :]
    sys.argv = [module, *rest]
    for name in (f"{module}.__main__", module):
        if not hasattr(sys.modules.get(name), "__path__"):
            sys.modules.pop(name, None)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit()


def _load() -> None:
    """Load what the commands do, so that a fork finds it."""
    for room in ("headwater.cli.commands", "headwater.cli.relay", "headwater.cli.probe"):
        for module in iter_modules(import_module(room).__path__, f"{room}."):
            import_module(module.name)
    for name in ("headwater.app.web", "headwater.cli.publish.watch", "uvloop"):
        with contextlib.suppress(ImportError):
            import_module(name)
    # What checks files is made when it is first used.
    import_module("headwater.config.file").load_settings(os.devnull)
    gc.freeze()


def _run(*, measured: bool) -> None:
    """Run the command; where it is measured, what it took is written when it ends."""
    with contextlib.ExitStack() as ending:
        if measured:
            coverage = import_module("coverage").Coverage(
                config_file=str(ROOT / "pyproject.toml"),
                data_file=str(ROOT / ".coverage"),
                data_suffix=f"forked.{os.getpid()}",
            )
            # What a command says is looked at: nothing of this may be in it.
            quiet = ["module-not-measured", "no-data-collected", "couldnt-parse"]
            coverage.set_option("run:disable_warnings", quiet)
            ending.callback(coverage.save)
            ending.callback(coverage.stop)
            coverage.start()
        runpy.run_module("headwater", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _load()
    _run(measured=_serve(socket.socket(fileno=int(sys.argv[1]))))

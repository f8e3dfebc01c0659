"""Runs `headwater` many times: each time a process of its own, but what it loads is loaded once.

The program of this file has imported what the commands do. For each line of its input, a command
line and an environment as JSON, a fork of it becomes `python -m headwater`; then a line of its
output tells the exit code and what was written to standard error.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pkgutil import iter_modules
from types import TracebackType
from typing import BinaryIO, Self


class ForkedCommand:
    """The `headwater` command, for the time of a `with` block; `prefix` runs it as another."""

    def __init__(self, prefix: Sequence[str] = ()) -> None:
        # Without -P the folder of this file would be where the command looks for modules first.
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-P", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, *arguments: str, environment: Mapping[str, str]) -> tuple[int, str]:
        """Return the exit code of a command line, and what it wrote to standard error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([arguments, dict(environment)]) + "\n")
        self._process.stdin.flush()
        code, said = json.loads(self._process.stdout.readline())
        return code, said


def _serve() -> None:
    """Fork for each line of the input; a fork returns from here to become the command."""
    for line in sys.stdin:
        arguments, environment = json.loads(line)
        with tempfile.TemporaryFile() as said:
            child = os.fork()
            if not child:
                _set_up(arguments, environment, said)
                return
            _, status = os.waitpid(child, 0)
            said.seek(0)
            answer = [os.waitstatus_to_exitcode(status), said.read().decode()]
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    sys.exit()


def _set_up(arguments: list[str], environment: dict[str, str], said: BinaryIO) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["headwater", *arguments]
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor, target in ((nothing, 0), (nothing, 1), (said.fileno(), 2)):
        os.dup2(descriptor, target)


if __name__ == "__main__":
    commands = import_module("headwater.cli.commands")
    for module in iter_modules(commands.__path__, f"{commands.__name__}."):
        import_module(module.name)
    _serve()
    runpy.run_module("headwater", run_name="__main__", alter_sys=True)

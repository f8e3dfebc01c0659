"""From the process that read options and file to the one that works, under the same id.

Reading them takes typer, rich and pydantic, which would stay in memory, some 20 MB, for as long as
the process runs. So it replaces its own program (execve) by one that imports what it needs alone.
The order, which may hold passwords, travels in an anonymous file in memory, never in arguments or
environment, where other users could see them; arguments that held some are gone from the list of
processes. Signals that ask for the end wait until the new program can take them
(`event_loop.run_until_signalled`): while it is loaded, Ctrl-C would only be a traceback.
"""

import os
import pickle
import signal
import sys
from collections.abc import Callable
from typing import TypeVar

from headwater.app.signals import ENDING_SIGNALS
from headwater.cli.failures import CommandFailed, show
from headwater.libav.remux.interpreter import can_be_started_again, interpreter_options

OrderT = TypeVar("OrderT")


def replace_process(order: object, module: str, *in_sight: str) -> None:
    """Go on as a process of `module`, which takes the order; returns only where that cannot be.

    `in_sight` follows in its arguments, for people who look at the list of processes.
    """
    if os.name != "posix" or not can_be_started_again():
        return
    descriptor = written_order(order)
    held = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        os.set_inheritable(descriptor, True)
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(  # noqa: S606 (no shell is wanted)
            sys.executable,
            [sys.executable, *interpreter_options(), "-m", module, str(descriptor), *in_sight],
        )
    except OSError:
        # A sandbox may forbid it: then the work goes on here, only larger.
        os.close(descriptor)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def written_order(order: object) -> int:
    """Return the descriptor of a file in memory that holds the order. Raises OSError."""
    descriptor = _memory_file()
    try:
        with open(descriptor, "wb", closefd=False) as file:
            pickle.dump(order, file)
        os.lseek(descriptor, 0, os.SEEK_SET)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def received_order(descriptor: int, kind: type[OrderT]) -> OrderT:
    """Return the order that `written_order` wrote, and close the descriptor. Raises TypeError."""
    with open(descriptor, "rb") as file:
        order = pickle.load(file)  # noqa: S301 (written by this program)
    if not isinstance(order, kind):
        raise TypeError(f"the order is a {type(order).__name__}, not a {kind.__name__}")
    return order


def carry_out(kind: type[OrderT], work: Callable[[OrderT], None]) -> None:
    """Do the order of the descriptor in the arguments; exit as the command would that gave it."""
    order = received_order(int(sys.argv[1]), kind)
    try:
        work(order)
    except CommandFailed as failure:
        show(failure, sys.stderr)
        sys.exit(failure.exit_code)


def _memory_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("headwater-settings")
    import tempfile

    with tempfile.TemporaryFile(buffering=0) as file:
        return os.dup(file.fileno())

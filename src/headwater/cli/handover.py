"""From the process that read options and file to the one that serves, under the same id.

Reading them takes typer, rich and pydantic, which would stay in memory, some 20 MB, for as long as
the server runs. So the process replaces its own program (execve) by one that imports the server
alone. The settings, which may hold passwords, travel in an anonymous file in memory, never in
arguments or environment, where other users could see them.
"""

import os
import pickle
import sys
from pathlib import Path

from headwater.cli.serving import ServeOrder


def replace_process(order: ServeOrder) -> None:
    """Go on as the server's own process; returns only where that cannot be done."""
    if os.name != "posix" or not _can_be_started_again():
        return
    descriptor = _memory_file()
    try:
        with open(descriptor, "wb", closefd=False) as file:
            pickle.dump(order, file)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.set_inheritable(descriptor, True)
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(  # noqa: S606 (no shell is wanted)
            sys.executable,
            [sys.executable, *_options(), "-m", "headwater.cli.daemon", str(descriptor)],
        )
    except OSError:
        # A sandbox may forbid it: then the server runs here, only larger.
        os.close(descriptor)


def received_order(descriptor: int) -> ServeOrder:
    """What `replace_process` sent; the descriptor is closed."""
    with open(descriptor, "rb") as file:
        order: ServeOrder = pickle.load(file)  # noqa: S301 (written by this program)
    return order


def _can_be_started_again() -> bool:
    """Whether the interpreter would find this package: not inside a zip or a frozen program."""
    return bool(sys.executable) and not hasattr(sys, "frozen") and Path(__file__).is_file()


def _memory_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("headwater-settings")
    import tempfile

    with tempfile.TemporaryFile(buffering=0) as file:
        return os.dup(file.fileno())


def _options() -> tuple[str, ...]:
    """The interpreter's options under which the same modules are found, and no others.

    `-m` would put the working folder first among the places to import from, where anybody may
    have left an `asyncio.py`.
    """
    if sys.flags.isolated:
        return ("-I",)
    return () if sys.path[0] in {"", str(Path.cwd())} else ("-P",)

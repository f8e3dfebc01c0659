"""How a further process of this program is started."""

import sys
from pathlib import Path


def interpreter_options() -> tuple[str, ...]:
    """Return the interpreter's options under which the same modules are found, and no others.

    `-m` would put the working folder first among the places to import from, where anybody may
    have left an `asyncio.py`.
    """
    if sys.flags.isolated:
        return ("-I",)
    return () if sys.path[0] in {"", str(Path.cwd())} else ("-P",)


def can_be_started_again() -> bool:
    """Return whether a new interpreter finds this package, unlike in a zip or frozen program."""
    return bool(sys.executable) and not hasattr(sys, "frozen") and Path(__file__).is_file()

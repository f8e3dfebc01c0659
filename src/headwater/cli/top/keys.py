"""Keys as they are pressed, without waiting for Enter."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread

ReadKey = Callable[[float], str]
"""Waits at most so many seconds for a key; "" where none was pressed."""

_ARROWS = {"\x1b[A": "k", "\x1b[B": "j", "\x1bOA": "k", "\x1bOB": "j"}


@contextlib.contextmanager
def keys_taken() -> Iterator[ReadKey]:
    """Take keys from the terminal, and give it back as it was at the end."""
    try:
        import termios
        import tty
    except ImportError:  # Windows
        yield _read_key_of_windows()
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield lambda wait_s: _read_key(descriptor, wait_s)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _read_key(descriptor: int, wait_s: float) -> str:
    import os
    import select

    ready, _, _ = select.select([descriptor], [], [], wait_s)
    if not ready:
        return ""
    pressed = os.read(descriptor, 16).decode(errors="replace")
    # A terminal that has gone reads as ready and empty.
    return _ARROWS.get(pressed, pressed[:1]) if pressed else "q"


def _read_key_of_windows() -> ReadKey:
    pressed: SimpleQueue[str] = SimpleQueue()

    def listen() -> None:
        import msvcrt

        while True:
            pressed.put(msvcrt.getwch())  # type: ignore[attr-defined,unused-ignore]

    Thread(target=listen, name="keys", daemon=True).start()

    def read(wait_s: float) -> str:
        try:
            return pressed.get(timeout=wait_s)
        except Empty:
            return ""

    return read

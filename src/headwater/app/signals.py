"""Signals, taken on the event loop for a while and then given back to whoever had them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

ENDING_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)
"""What asks a program to end: Ctrl-C, service managers, and Ctrl-Break where there is one."""

_READ_BYTES = 4096


@contextmanager
def signals_taken(
    numbers: Collection[signal.Signals], on_signal: Callable[[int], None]
) -> Iterator[None]:
    """Call `on_signal` with a signal's number, on the running loop, until the block is left.

    Then every handler is as it was, those that the program gave to its loop included. That is
    why the loop is not asked to take them: it forgets the handler that it had. The interpreter
    runs its handlers in the main thread, which sleeps in the loop's `select` until something can
    be read: so it is given a socket to write to.

    Raises ValueError outside the main thread, where Python lets nobody take signals.
    """
    loop = asyncio.get_running_loop()
    taken = frozenset(int(number) for number in numbers)

    def on_interpreter_signal(number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(on_signal, number)

    def hand_on() -> None:
        """Empty the socket; signals that others wait for go to the socket of before."""
        with suppress(BlockingIOError, InterruptedError):
            _write(former, [number for number in woken.recv(_READ_BYTES) if number not in taken])

    woken, waker = socket.socketpair()
    with woken, waker, ExitStack() as undo:
        woken.setblocking(False)
        waker.setblocking(False)
        former = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        undo.callback(hand_on)
        undo.callback(signal.set_wakeup_fd, former)
        loop.add_reader(woken, hand_on)
        undo.callback(loop.remove_reader, woken)
        for number in numbers:
            undo.callback(signal.signal, number, signal.signal(number, on_interpreter_signal))
        yield


def _write(wakeup_descriptor: int, numbers: list[int]) -> None:
    """Write what the interpreter would have written. On Windows loops wait for no signals."""
    if numbers and wakeup_descriptor != -1 and os.name == "posix":
        with suppress(BlockingIOError, InterruptedError):
            os.write(wakeup_descriptor, bytes(numbers))

"""Signals, taken on the event loop; also where loops take none (Windows)."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

ENDING_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)
"""What asks a program to end: Ctrl-C, service managers, and Ctrl-Break where there is one."""


@contextmanager
def signals_taken(
    numbers: Iterable[signal.Signals], on_signal: Callable[[int], None]
) -> Iterator[None]:
    """Call `on_signal` with a signal's number, on the running loop, until the block is left.

    Raises ValueError or RuntimeError outside the main thread, where Python lets nobody take
    signals.
    """
    loop = asyncio.get_running_loop()
    refused = []
    with ExitStack() as undo:
        for number in numbers:
            try:
                loop.add_signal_handler(number, on_signal, number)
            except NotImplementedError:
                refused.append(number)
            else:
                undo.callback(loop.remove_signal_handler, number)
        if refused:
            undo.enter_context(_taken_by_the_interpreter(loop, refused, on_signal))
        yield


@contextmanager
def _taken_by_the_interpreter(
    loop: asyncio.AbstractEventLoop,
    numbers: Iterable[signal.Signals],
    on_signal: Callable[[int], None],
) -> Iterator[None]:
    """Take them as Python does without a loop, and wake the loop when one comes.

    The interpreter runs its handler in the main thread, which sleeps in the loop's `select`
    until something can be read: so it is given a socket to write to.
    """

    def on_interpreter_signal(number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(on_signal, number)

    def empty() -> None:
        with suppress(BlockingIOError, InterruptedError):
            woken.recv(4096)

    woken, waker = socket.socketpair()
    with woken, waker, ExitStack() as undo:
        woken.setblocking(False)
        waker.setblocking(False)
        former = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        undo.callback(signal.set_wakeup_fd, former)
        loop.add_reader(woken, empty)
        undo.callback(loop.remove_reader, woken)
        for number in numbers:
            undo.callback(signal.signal, number, signal.signal(number, on_interpreter_signal))
        yield

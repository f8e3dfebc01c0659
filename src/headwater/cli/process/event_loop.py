"""Run an asyncio program until a signal asks it to end."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from enum import StrEnum

from headwater.app.signals import ENDING_SIGNALS, signals_taken
from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed, install_hint


class LoopChoice(StrEnum):
    """Which event loop runs the server."""

    AUTO = "auto"
    ASYNCIO = "asyncio"
    UVLOOP = "uvloop"


StopAsked = asyncio.Event
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def run_until_signalled(
    program: Callable[[StopAsked], Coroutine[None, None, None]], choice: LoopChoice
) -> None:
    """Run `program`, which returns soon after its event is set.

    SIGINT, SIGTERM or, on Windows, Ctrl-Break sets the event; a second one ends the process at
    once, with the exit code that shells use for it (128 + its number).
    """
    with asyncio.Runner(loop_factory=loop_factory(choice)) as runner:
        runner.run(_with_signals(program))


def loop_factory(choice: LoopChoice) -> LoopFactory:
    """Return the maker of the chosen loop; `auto` is uvloop where it is installed.

    Raises CommandFailed when uvloop was asked for by name and is not there.
    """
    # By its name, since Windows would otherwise give one without `add_reader`.
    standard: LoopFactory = asyncio.SelectorEventLoop
    if choice is LoopChoice.ASYNCIO:
        return standard
    try:
        import uvloop
    except ImportError:
        if choice is LoopChoice.AUTO:
            return standard
        raise CommandFailed(
            "uvloop is not installed",
            remedy=install_hint("fast"),
            exit_code=EXIT_CONFIGURATION,
        ) from None
    factory: LoopFactory = uvloop.new_event_loop
    return factory


async def _with_signals(program: Callable[[StopAsked], Coroutine[None, None, None]]) -> None:
    stop_asked = StopAsked()

    def on_signal(number: int) -> None:
        if stop_asked.is_set():
            os._exit(128 + number)
        stop_asked.set()

    with signals_taken(ENDING_SIGNALS, on_signal):
        if hasattr(signal, "pthread_sigmask"):
            # Those that came while this program was loaded have waited (`handover.py`).
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
        await program(stop_asked)

"""Run an asyncio program until a signal asks it to end."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from enum import StrEnum

from headwater.cli.failures import CommandFailed


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

    SIGINT or SIGTERM sets the event; a second one ends the process at once, with the exit code
    that shells use for it (128 + its number).
    """
    with asyncio.Runner(loop_factory=loop_factory(choice)) as runner:
        runner.run(_with_signals(program))


def loop_factory(choice: LoopChoice) -> LoopFactory:
    """The maker of the chosen loop; `auto` is uvloop where it is installed.

    Raises CommandFailed when uvloop was asked for by name and is not there.
    """
    if choice is LoopChoice.ASYNCIO:
        return asyncio.new_event_loop
    try:
        import uvloop
    except ImportError:
        if choice is LoopChoice.AUTO:
            return asyncio.new_event_loop
        raise CommandFailed(
            "uvloop is not installed", remedy="pip install 'headwater[fast]'"
        ) from None
    factory: LoopFactory = uvloop.new_event_loop
    return factory


async def _with_signals(program: Callable[[StopAsked], Coroutine[None, None, None]]) -> None:
    stop_asked = StopAsked()
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if stop_asked.is_set():
            os._exit(128 + number)
        stop_asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    await program(stop_asked)

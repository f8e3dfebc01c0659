"""Programs that run until a signal, and the loop they run on."""

import asyncio
import builtins
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from headwater.cli.failures import CommandFailed
from headwater.cli.process.event_loop import (
    LoopChoice,
    StopAsked,
    loop_factory,
    run_until_signalled,
)

STUBBORN = """
import asyncio, sys
from headwater.cli.process.event_loop import LoopChoice, run_until_signalled

if "refusing" in sys.argv:
    def refuse(*_):
        raise NotImplementedError
    asyncio.SelectorEventLoop.add_signal_handler = refuse

async def program(stop_asked):
    print("running", flush=True)
    await stop_asked.wait()
    print("asked to stop", flush=True)
    await asyncio.Event().wait()

run_until_signalled(program, LoopChoice.ASYNCIO)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_the_program_to_stop(number: signal.Signals) -> None:
    said: list[str] = []

    async def program(stop_asked: StopAsked) -> None:
        said.append("running")
        os.kill(os.getpid(), number)
        await stop_asked.wait()
        said.append("stopped")

    run_until_signalled(program, LoopChoice.ASYNCIO)
    assert said == ["running", "stopped"]


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("loop", ["taking", "refusing"])
def test_a_second_signal_ends_the_process_at_once(
    number: signal.Signals, exit_code: int, loop: str
) -> None:
    command = [sys.executable, "-c", STUBBORN, loop]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        process.send_signal(number)
        assert process.stdout.readline() == b"asked to stop\n"
        process.send_signal(number)
        assert process.wait(20) == exit_code


def test_an_error_of_the_program_is_raised() -> None:
    async def program(stop_asked: StopAsked) -> None:
        raise CommandFailed("no")

    with pytest.raises(CommandFailed, match="no"):
        run_until_signalled(program, LoopChoice.AUTO)


def test_uvloop_is_taken_where_it_is_installed() -> None:
    uvloop = pytest.importorskip("uvloop")
    for choice in (LoopChoice.AUTO, LoopChoice.UVLOOP):
        loop = loop_factory(choice)()
        assert isinstance(loop, uvloop.Loop)
        loop.close()


def test_asyncio_is_taken_when_asked_for() -> None:
    assert loop_factory(LoopChoice.ASYNCIO) is asyncio.SelectorEventLoop


def test_without_uvloop_only_its_name_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without_uvloop(name: str, *arguments: Any) -> Any:
        if name == "uvloop":
            raise ModuleNotFoundError(name=name)
        return real_import(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without_uvloop)
    assert loop_factory(LoopChoice.AUTO) is asyncio.SelectorEventLoop
    with pytest.raises(CommandFailed, match="uvloop is not installed") as caught:
        loop_factory(LoopChoice.UVLOOP)
    assert caught.value.remedy.endswith(" -m pip install '.[fast]'")
    assert caught.value.exit_code == 2

"""Ctrl-C while a command is loaded: it ends without a traceback, and a server in order."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from headwater.cli.interrupts import interrupts_end_the_process

INTERRUPTED = "import os, signal\nos.kill({}, signal.{})\n"
"""A module during whose import a signal comes: for this process, or as by Ctrl-C for its group."""
THIS, GROUP = "os.getpid()", "0"
LOADED = """
import importlib, sys
sys.path.remove(os.path.dirname(__file__))
del sys.modules[__name__]
importlib.import_module(__name__)
"""
"""The rest of such a module, for who takes the signal later: all that it stands for."""
OF_THE_SERVER = (
    "import sys\nif 'headwater.cli.process.daemon' not in sys.orig_argv:\n    raise ImportError\n"
)


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("typer", ["version"]),
        ("pydantic", ["check-config", os.devnull]),
        ("av", ["snapshot", "rtsp://127.0.0.1:1/", "out.jpg"]),
        ("httpx", ["discover", "127.0.0.1:1"]),
    ],
)
def test_a_command_that_is_still_loaded_says_nothing(
    tmp_path: Path, module: str, arguments: list[str]
) -> None:
    (tmp_path / f"{module}.py").write_text(INTERRUPTED.format(GROUP, "SIGINT") + LOADED)
    ran = subprocess.run(
        [sys.executable, "-m", "headwater", *arguments],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        start_new_session=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.stderr == ""
    # Ended by the signal or, where a command loads more by itself, by typer: 130 for a shell.
    assert ran.returncode in {-signal.SIGINT, 128 + signal.SIGINT}


@pytest.mark.skipif(os.name != "posix", reason="the server takes the command's place by exec")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_server_that_is_still_loaded_stops_once_it_can(
    start_program: Any, tmp_path: Path, name: str
) -> None:
    text = OF_THE_SERVER + INTERRUPTED.format(THIS, name) + "raise ImportError\n"
    (tmp_path / "uvloop.py").write_text(text)
    environment = {"PYTHONPATH": str(tmp_path)}
    server = start_program("serve", "--publish-port", "0", environment=environment)
    assert server.exit_code() == 0
    assert "play from" in server.said
    assert "server stopped" in server.said
    assert "Traceback" not in server.said


def test_who_has_taken_the_signal_keeps_it() -> None:
    def own(*_: object) -> None:
        """Stand for a program that runs the command line in its own process."""

    before = signal.signal(signal.SIGINT, own)
    try:
        with interrupts_end_the_process():
            assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_is_an_exception_again_when_all_is_loaded() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with interrupts_end_the_process():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_leaves_signals_alone() -> None:
    seen: list[object] = []

    def load() -> None:
        with interrupts_end_the_process():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=load)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]

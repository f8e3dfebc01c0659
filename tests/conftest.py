"""What holds for every test."""

from __future__ import annotations

import signal

import pytest

from headwater.log_pace import PACE


def pytest_configure() -> None:
    """Let tests end programs with SIGINT: a shell has what it runs in the background ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def fresh_log_pace() -> None:
    """Begin each test as if nothing had been logged: lines are held to a pace by the process."""
    PACE.forget()

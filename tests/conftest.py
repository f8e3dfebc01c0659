"""What holds for every test."""

from __future__ import annotations

import signal

import pytest

from headwater.log_pace import PACE

# A run that gives second tries (`--reruns 1`, as CI does) still fails where more tests than these
# need one: what fails now and then is to be mended, and is named at the end of the run.
MOST_SECOND_TRIES = 3


def pytest_configure() -> None:
    """Let tests end programs with SIGINT: a shell has what it runs in the background ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def fresh_log_pace() -> None:
    """Begin each test as if nothing had been logged: lines are held to a pace by the process."""
    PACE.forget()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Say which tests passed at their second try only, and fail the run where they are too many."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or hasattr(session.config, "workerinput"):
        return
    tries = terminal.stats.get("rerun", [])
    for first in tries:
        terminal.section(f"first try of {first.nodeid}")
        terminal.write_line(first.longreprtext)
    if len(tries) > MOST_SECOND_TRIES:
        terminal.write_line(f"{len(tries)} tests had a second try: at most {MOST_SECOND_TRIES} may")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

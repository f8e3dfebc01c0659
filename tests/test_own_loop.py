"""A loop on a thread of its own serves other threads, and refuses its own."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from headwater.own_loop import OwnLoop


def test_work_runs_on_the_thread_that_ends_with_stop() -> None:
    loop = OwnLoop("a fake")
    loop.start()
    ran = loop.running
    name = loop.call(lambda: threading.current_thread().name)
    loop.stop()
    loop.stop()
    assert name == "a fake"
    assert (ran, loop.running) == (True, False)
    assert name not in {thread.name for thread in threading.enumerate()}


def test_its_own_thread_must_not_wait_for_itself() -> None:
    loop = OwnLoop("a fake")
    loop.start()
    with pytest.raises(RuntimeError, match="never answer"):
        loop.call(lambda: loop.call(list))
    loop.stop()


FORK = """
import os, sys
{made}
child = os.fork()
if not child:
    try:
        {asked}
    except RuntimeError as error:
        print(error, flush=True)
    {stopped}
    os._exit(0)
os.waitpid(child, 0)
{stopped}
print("the parent has ended it", flush=True)
"""


SERVER = """
from headwater import ThreadedRtspServer
one = ThreadedRtspServer(host='127.0.0.1', publish_port=0)
one.start()
"""


@pytest.mark.parametrize(
    ("made", "asked", "stopped", "named"),
    [
        (
            "from headwater.own_loop import OwnLoop; one = OwnLoop('a fake'); one.start()",
            "one.call(list)",
            "one.stop()",
            "a fake",
        ),
        (
            SERVER,
            "one.status()",
            "one.stop() if child else None",
            "the server",
        ),
        (
            SERVER,
            "one.stop()",
            "one.stop() if child else None",
            "the server",
        ),
    ],
    ids=["own loop", "server", "stop of a server"],
)
def test_a_process_that_is_forked_off_is_told_so_and_waits_for_nothing(
    made: str, asked: str, stopped: str, named: str
) -> None:
    code = FORK.format(made=made, asked=asked, stopped=stopped)
    command = [sys.executable, "-W", "ignore", "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    first, second = said.stdout.splitlines()
    assert first.startswith(f"{named} runs in process ")
    assert 'the start method "spawn"' in first
    assert second == "the parent has ended it"


def test_without_its_thread_nothing_runs() -> None:
    with pytest.raises(RuntimeError, match="a fake is not running"):
        OwnLoop("a fake").call(list)

"""A loop on a thread of its own serves other threads, and refuses its own."""

from __future__ import annotations

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


def test_without_its_thread_nothing_runs() -> None:
    with pytest.raises(RuntimeError, match="a fake is not running"):
        OwnLoop("a fake").call(list)

"""Where a hung hook stands."""

from __future__ import annotations

import asyncio
import threading
import traceback
import types
from collections.abc import Generator

from headwater.hooks.stack import suspended_frames, thread_frames, traceback_of


@types.coroutine
def _old_style() -> Generator[None, None, None]:
    yield


async def _inner() -> None:
    await _old_style()


async def _outer() -> None:
    await _inner()


def test_frames_through_coroutines_and_generators() -> None:
    coroutine = _outer()
    coroutine.send(None)
    frames = suspended_frames(coroutine)
    assert [f.f_code.co_name for f in frames] == ["_outer", "_inner", "_old_style"]
    text = "".join(traceback.format_tb(traceback_of(frames)))
    assert text.index("await _inner()") < text.index("await _old_style()") < text.index("yield")
    coroutine.close()


async def test_frames_end_at_a_future() -> None:
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    assert [f.f_code.co_name for f in suspended_frames(task.get_coro())] == ["wait"]
    task.cancel()


def test_frames_of_a_thread() -> None:
    names = [f.f_code.co_name for f in thread_frames(threading.get_ident())]
    assert names[-2:] == ["test_frames_of_a_thread", "thread_frames"]
    assert thread_frames(-1) == []


def test_no_frames_no_traceback() -> None:
    assert traceback_of([]) is None
    assert suspended_frames(None) == []

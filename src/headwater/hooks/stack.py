"""Where a hook that overran its time-out stands, as a traceback for the log."""

from __future__ import annotations

import sys
from types import FrameType, TracebackType


def suspended_frames(awaited: object) -> list[FrameType]:
    """Frames of a suspended coroutine and of what it awaits, outermost first.

    `asyncio.Task.get_stack` gives the outermost frame alone.
    """
    frames: list[FrameType] = []
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None:
            frames.append(frame)
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return frames


def thread_frames(thread_id: int) -> list[FrameType]:
    """Frames of a running thread, outermost first; empty when it is gone."""
    frames: list[FrameType] = []
    frame = sys._current_frames().get(thread_id)  # noqa: SLF001 - documented, and the only way
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def traceback_of(frames: list[FrameType]) -> TracebackType | None:
    """Return a traceback through these frames."""
    traceback: TracebackType | None = None
    for frame in reversed(frames):
        traceback = TracebackType(traceback, frame, max(frame.f_lasti, 0), frame.f_lineno or 0)
    return traceback

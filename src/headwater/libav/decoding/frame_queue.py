"""Frames that wait for one program: which are kept, and which are passed over."""

from __future__ import annotations

import asyncio
from collections import deque

from headwater.libav.decoding.decoding import Content
from headwater.libav.decoding.errors import FramesError
from headwater.libav.decoding.wishes import FrameMode, FrameWishes, OnGap

_ROUNDING = 1e-6


class FrameQueue:
    """A consumer of one decoder.

    Attributes:
        key_frames_only: whether it wants nothing else.
        skipped: frames that were decoded and passed over, since the beginning.
        error: why no frame will come any more, None while some may.
        is_over: whether the source went and the program wanted it to end with that.
    """

    def __init__(self, wishes: FrameWishes) -> None:
        """Make an empty one for a program's wishes."""
        self._wishes = wishes
        self._most = 1 if wishes.mode is FrameMode.LATEST else wishes.queue
        self._waiting: deque[Content] = deque()
        self._changed = asyncio.Event()
        self._last_slot = -1
        self.key_frames_only = wishes.key_frames_only
        self.skipped = 0
        self.error: FramesError | None = None
        self.is_over = False

    def offer(self, content: Content) -> None:
        """Take a frame that was decoded now."""
        if not self._is_due(content):
            return
        if len(self._waiting) == self._most:
            self._waiting.popleft()
            self.skipped += 1
        self._waiting.append(content)
        self._changed.set()

    def pause(self) -> None:
        """The publisher is gone; another may come."""
        if self._wishes.on_gap is OnGap.STOP:
            self.close()

    def end(self, error: FramesError) -> None:
        """No frame will come any more."""
        self.error = error
        self._changed.set()

    def close(self) -> None:
        """No frame is wanted any more but those that wait."""
        self.is_over = True
        self._changed.set()

    def clear(self) -> None:
        """Throw away what waits."""
        self._waiting.clear()

    async def take(self) -> Content | None:
        """Wait for a frame; None where it is over. Raises the error that ended it."""
        while not self._waiting:
            if self.error is not None:
                # One error for all who take: it would keep the frames of each of them.
                raise self.error.with_traceback(None)
            if self.is_over:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()

    def _is_due(self, content: Content) -> bool:
        if self.key_frames_only and not content.unit.unit.key_frame:
            return False
        if self._wishes.fps is None:
            return True
        # On a grid: rounding of time stamps must not cost every other frame.
        slot = int(content.place.pts_s * self._wishes.fps + _ROUNDING)
        if slot <= self._last_slot:
            return False
        self._last_slot = slot
        return True

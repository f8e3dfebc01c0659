"""Makes one step of the server's own code fail, whichever it is, and counts how many there are."""

from __future__ import annotations

import asyncio
import errno
import inspect
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import headwater

T = TypeVar("T")

# What notes how something is given back, and gives it back, takes nothing.
_END_OF_BLOCKS = frozenset({"__enter__", "__exit__", "__del__"})
_OURS = str(Path(headwater.__file__).parent)
_TAKERS = (_OURS, str(Path(asyncio.__file__).parent), socket.__file__)


class StepFault:
    """While armed, counts steps; the step of the number that was asked for raises, once.

    A step is a call of a Python function by the server's code, its own functions and those of
    the event loop, or a call of a socket. It raises before it has done anything.
    """

    def __init__(self) -> None:
        self.failing = 0
        self.steps = 0
        self.failed: str | None = None
        self.blocks_left = 0

    def prepare(self, failing: int, *, earlier: int = 0) -> None:
        """Let step `failing` raise in the next armed block but `earlier` ones."""
        self.failing = failing
        self.steps = 0
        self.failed = None
        self.blocks_left = earlier + 1

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Count the steps of the block, where it is the one that was prepared for."""
        self.blocks_left -= 1
        if self.blocks_left != 0:
            yield
            return
        sys.setprofile(self._step)
        try:
            yield
        finally:
            sys.setprofile(None)

    def arming(self, function: Callable[..., T]) -> Callable[..., T]:
        """The function, armed while it runs."""

        def armed(*arguments: Any) -> T:
            with self.armed():
                return function(*arguments)

        return armed

    def _step(self, frame: FrameType, event: str, argument: Any) -> None:
        error: Exception
        if event == "call":
            caller = frame.f_back
            if caller is None or not caller.f_code.co_filename.startswith(_OURS):
                return
            if frame.f_code.co_flags & inspect.CO_GENERATOR:
                # It is called to be thrown away, too, where nobody can take an exception.
                return
            if not frame.f_code.co_filename.startswith(_TAKERS):
                # The garbage collector, too, calls functions in the midst of others.
                return
            name = frame.f_code.co_qualname
            if frame.f_code.co_name in _END_OF_BLOCKS:
                return
            error = RuntimeError(f"injected: {name} failed")
        elif event == "c_call":
            if not isinstance(getattr(argument, "__self__", None), socket.socket):
                return
            if not frame.f_code.co_filename.startswith(_OURS):
                return
            name = f"socket.{argument.__name__}"
            error = OSError(errno.ENOBUFS, f"injected: {name} failed")
        else:
            return
        self.steps += 1
        if self.steps == self.failing:
            self.failed = f"{name} in {frame.f_back and frame.f_back.f_code.co_qualname}"
            sys.setprofile(None)
            raise error

"""A trace function for the time of a block; the one before it, as of a coverage run, goes on."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def traced(trace: Callable[[FrameType, str, Any], Any] | None) -> Iterator[None]:
    """Have this thread traced by a function or by none, then by what traced it before."""
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)

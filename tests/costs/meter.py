"""Counts what Python does: calls of functions and of the interpreter's own, opcodes, bytes.

None of these depends on how fast or how busy the machine is. A call is told to be the package's
own by the file of its code, so the event loop around it does not count.
"""

from __future__ import annotations

import socket
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any, Self

from tracing import traced

import headwater

PACKAGE = str(Path(headwater.__file__).parent)

# Socket methods that enter the kernel.
_SYSTEM_CALLS = frozenset(
    {
        *("send", "sendto", "sendmsg", "recv", "recvfrom", "recvmsg", "recv_into", "setsockopt"),
        *("getsockname", "getpeername"),
    }
)


class CallMeter:
    """Counts calls for the time of a `with` block, in this thread.

    Attributes:
        python: calls of the package's functions, and calls that these make of other functions
            written in Python, by qualified name.
        c: calls of functions written in C by the package's own code, by name.
        system: socket methods that enter the kernel, by name, whoever calls them.
    """

    def __init__(self) -> None:
        self.python: Counter[str] = Counter()
        self.c: Counter[str] = Counter()
        self.system: Counter[str] = Counter()
        self._own: dict[CodeType, bool] = {}

    @property
    def python_calls(self) -> int:
        """All calls in `python`."""
        return self.python.total()

    def __enter__(self) -> Self:
        # What a coverage run calls is no cost of the package.
        self._untraced = traced(None)
        self._untraced.__enter__()
        sys.setprofile(self._event)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        sys.setprofile(None)
        self._untraced.__exit__(None, None, None)

    def _event(self, frame: FrameType, event: str, argument: Any) -> None:
        own = self._is_own(frame.f_code)
        if event == "call":
            if own or (frame.f_back is not None and self._is_own(frame.f_back.f_code)):
                self.python[frame.f_code.co_qualname] += 1
        elif event == "c_call":
            name = argument.__name__
            if own:
                self.c[name] += 1
            if name in _SYSTEM_CALLS and isinstance(
                getattr(argument, "__self__", None), socket.socket
            ):
                self.system[name] += 1

    def _is_own(self, code: CodeType) -> bool:
        own = self._own.get(code)
        if own is None:
            own = self._own[code] = code.co_filename.startswith(PACKAGE)
        return own


if sys.version_info >= (3, 12):

    def opcodes(work: Callable[[], object]) -> int:
        """How many bytecode instructions of the package's own functions `work` has executed."""
        # From CPython 3.13 on a second trace function of a process is told of none.
        count = 0
        own: dict[CodeType, bool] = {}
        monitoring = sys.monitoring
        tool = next(number for number in range(6) if monitoring.get_tool(number) is None)

        def executed(code: CodeType, _offset: int) -> None:
            nonlocal count
            is_own = own.get(code)
            if is_own is None:
                is_own = own[code] = code.co_filename.startswith(PACKAGE)
            count += is_own

        monitoring.use_tool_id(tool, "opcodes")
        try:
            monitoring.register_callback(tool, monitoring.events.INSTRUCTION, executed)
            monitoring.set_events(tool, monitoring.events.INSTRUCTION)
            work()
        finally:
            monitoring.set_events(tool, 0)
            monitoring.free_tool_id(tool)
        return count

else:

    def opcodes(work: Callable[[], object]) -> int:
        """How many bytecode instructions of the package's own functions `work` has executed."""
        count = 0

        def trace(frame: FrameType, event: str, _argument: object) -> Any:
            nonlocal count
            if event == "call":
                if not frame.f_code.co_filename.startswith(PACKAGE):
                    return None
                frame.f_trace_lines = False
                frame.f_trace_opcodes = True
            elif event == "opcode":
                count += 1
            return trace

        with traced(trace):
            work()
        return count


def peak_bytes(work: Callable[[], object]) -> int:
    """How many bytes more than before were allocated at one time while `work` ran."""
    # What a coverage run notes is allocated as well.
    with traced(None):
        tracemalloc.start()
        try:
            work()
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            work()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    return peak - before


def least_of_tries(take: Callable[[], float], most: float, times: int = 6) -> float:
    """The least of several figures, up to the first that is no more than `most`.

    For what a busy machine makes dearer, and never cheaper: one try shows that it can be had.
    """
    figure = take()
    for _ in range(times - 1):
        if figure <= most:
            break
        figure = min(figure, take())
    return figure


def least(take: Callable[[], int], times: int = 5) -> int:
    """The least of several counts: without what a timer of the server happened to add."""
    return min(take() for _ in range(times))

"""Sockets that are read between two pieces of other work as well: those that bring live media.

What one wake-up of the loop found is worked off before it looks at its sockets again. In a crowd
that can be hundreds of sockets, each with its request, and live packets that come meanwhile would
wait for all of them. So whoever has much to do has these sockets read every few pieces.

It is `poll` that tells which of them can be read, not `epoll`: that takes no descriptor, and the
kernel has nothing to note for each packet while nobody is in a hurry.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary, ref

from headwater.log_pace import paced_logger
from headwater.net.event_loop import EventLoop

_log = paced_logger(__name__)

_MOST_EACH_TIME: Final = 64
"""To ask after so many sockets takes 4 µs; where there are more, it is done less often."""


class UrgentSockets:
    """Those on one loop that are read whenever `read_waiting` is called, besides by the loop."""

    __slots__ = ("__weakref__", "_calls", "_is_reading", "_poll", "_reads")

    def __init__(self) -> None:
        self._reads: dict[int, Callable[[], None]] = {}
        # Not every system has it; without it the loop alone reads.
        self._poll = select.poll() if hasattr(select, "poll") else None
        self._calls = 0
        self._is_reading = False

    def __len__(self) -> int:
        return len(self._reads)

    def add(self, descriptor: int, read: Callable[[], None]) -> None:
        """Have `read`, which must not block, called while there is something to read.

        It may be called for nothing where the socket is closed before it is discarded.
        """
        self._reads[descriptor] = read
        if self._poll is not None:
            self._poll.register(descriptor, select.POLLIN)

    def discard(self, descriptor: int, read: Callable[[], None]) -> None:
        """Undo `add`; where the descriptor is another socket's by now it does nothing."""
        if self._reads.get(descriptor) == read:
            del self._reads[descriptor]
            if self._poll is not None:
                self._poll.unregister(descriptor)

    def read_waiting(self) -> None:
        """Read all at which something waits; while one of them is being read it does nothing."""
        reads, poll = self._reads, self._poll
        if not reads or poll is None or self._is_reading:
            return
        self._calls += 1
        if self._calls % (1 + len(reads) // _MOST_EACH_TIME):
            return
        self._is_reading = True
        try:
            for descriptor, _ in poll.poll(0):
                read = reads.get(descriptor)
                if read is not None:
                    _contained(read)
        finally:
            self._is_reading = False


def _contained(read: Callable[[], None]) -> None:
    """Read, as the loop does: what is raised is no fault of whoever has it read."""
    try:
        read()
    except Exception:  # noqa: BLE001 - as the loop itself does
        _log.exception("Reading a socket failed")


# What reads a socket knows its loop: kept here, it would keep one that was closed without a stop.
_of_loops: WeakKeyDictionary[EventLoop, ref[UrgentSockets]] = WeakKeyDictionary()


def urgent_sockets(loop: EventLoop) -> UrgentSockets:
    """Return those of a loop, for as long as whoever has them read keeps them."""
    known = _of_loops.get(loop)
    sockets = known() if known is not None else None
    if sockets is None:
        sockets = UrgentSockets()
        _of_loops[loop] = ref(sockets)
    return sockets

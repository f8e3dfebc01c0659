"""Sockets that are read once more a moment after data came: an error may have come with it.

A selector tells of a socket's error as often as it is asked. libuv, beneath uvloop, does so once
and forgets the socket. To read on to the error each time would cost a system call and an exception
for every burst of a camera, so all sockets that were read are read again together, once a second.
"""

from __future__ import annotations

from asyncio.selector_events import BaseSelectorEventLoop
from typing import Final, Protocol
from weakref import WeakKeyDictionary

from headwater.net.event_loop import EventLoop

_LOOK_S: Final = 1.0


class Looker(Protocol):
    """Who reads a socket."""

    def look_again(self) -> None:
        """Read what there is, and find an error where there is one."""


class SecondLooks:
    """Those on one loop who wait for their second look."""

    __slots__ = ("_is_timed", "_waiting")

    def __init__(self) -> None:
        self._waiting: dict[Looker, None] = {}
        self._is_timed = False

    def add(self, looker: Looker, loop: EventLoop) -> None:
        """Have it look again within a second, once."""
        self._waiting[looker] = None
        if not self._is_timed:
            self._is_timed = True
            loop.call_later(_LOOK_S, self._look)

    def discard(self, looker: Looker) -> None:
        """Forget one whose socket is closed; one that does not wait is no error."""
        self._waiting.pop(looker, None)

    def _look(self) -> None:
        self._is_timed = False
        waiting, self._waiting = self._waiting, {}
        for looker in waiting:
            looker.look_again()


_of_loops: WeakKeyDictionary[EventLoop, SecondLooks] = WeakKeyDictionary()


def second_looks(loop: EventLoop) -> SecondLooks | None:
    """Return what all sockets of a loop share; None where the loop tells of errors again."""
    if isinstance(getattr(loop, "beneath", loop), BaseSelectorEventLoop):
        return None
    looks = _of_loops.get(loop)
    if looks is None:
        looks = _of_loops[loop] = SecondLooks()
    return looks

"""Paths that a publisher has announced and does not fill yet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from headwater.media.errors import MountBusy
from headwater.media.mount_table import MountTable
from headwater.media.settings import SecondPublisher
from headwater.relay.end import End
from headwater.relay.name_space import ALONE, NameSpace


class Reservations:
    """Who may fill a path next: one publisher a path, whatever its kind.

    A reservation lives as long as its publisher. Where the mount's setting is to replace, a later
    one takes the path over; otherwise it is refused as early as here.

    Attributes:
        is_kept: whether a path is filled by the server itself, and nobody may publish there.
        name_space: has the last word where several processes share the paths.
    """

    def __init__(self, mounts: MountTable) -> None:
        self._mounts = mounts
        self._holders: dict[str, End] = {}
        self._waiting: dict[str, set[asyncio.Future[bool]]] = {}
        self.is_kept: Callable[[str], bool] = _kept_for_nobody
        self.name_space: NameSpace = ALONE

    def __len__(self) -> int:
        return len(self._holders)

    def check(self, path: str) -> None:
        """Raise MountBusy when a new publisher on this path would be refused."""
        if self.is_kept(path):
            raise MountBusy(f"{path} has a source, and nobody else can publish there")
        if not self.name_space.pulls(path):
            # Of what is pulled the other process says whether its publisher is still there.
            self._mounts.check_free(path)
        if path in self._holders and not self._replaces(path):
            raise MountBusy(f"another publisher has announced {path} and is about to send")

    def take(self, end: End) -> None:
        """Reserve the publisher's path, which `check` let through."""
        self._holders[end.path] = end

    def claim(self, end: End) -> Awaitable[None] | None:
        """Have the path, which is reserved here, in all other processes too.

        None where there are none. The wait raises MountBusy.
        """
        return self.name_space.claim(end, replaces=self._replaces(end.path))

    def _replaces(self, path: str) -> bool:
        return self._mounts.settings_for(path).on_second_publisher is SecondPublisher.REPLACE

    def give_back(self, end: End) -> None:
        """Free whatever the publisher holds; one that holds nothing is no error."""
        if self._holders.get(end.path) is end:
            del self._holders[end.path]
        self.note_change(end.path)

    async def change(self, path: str, within_s: float) -> bool:
        """Wait until a publisher of the path ends, or loses its connection; False if none does."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        waiting = self._waiting.setdefault(path, set())
        waiting.add(waiter)
        overdue = loop.call_later(within_s, _settle, waiter, False)
        try:
            return await waiter
        finally:
            overdue.cancel()
            waiting.discard(waiter)
            if not waiting:
                self._waiting.pop(path, None)

    def note_change(self, path: str) -> None:
        """Have those look again who wait for a publisher of the path to go."""
        for waiter in self._waiting.get(path, ()):
            _settle(waiter, True)


def _settle(waiter: asyncio.Future[bool], has_changed: bool) -> None:
    if not waiter.done():
        waiter.set_result(has_changed)


def _kept_for_nobody(_path: str) -> bool:
    return False

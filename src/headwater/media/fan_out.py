"""One batch to many outlets, each of which may fail without harm to the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from headwater.media.packet_batch import PacketBatch


class Outlet(Protocol):
    """Where a track's packets leave: one reader, or many behind one socket.

    Outlets are compared by identity and must be hashable.
    """

    def send_batch(self, batch: PacketBatch) -> None:
        """Take a batch, at once and without waiting."""

    def send_rtcp(self, packet: bytes) -> None:
        """Take a compound RTCP packet of the publisher."""

    def outlet_failed(self, error: Exception) -> None:
        """Learn that `error` came out of this outlet and that it was taken off the fan-out."""


class FanOut:
    """The outlets of one track, served in the order they were added.

    Outlets may be added and removed at any time, also by an outlet that is being served: one
    that is added meanwhile begins with the next batch, one that is removed gets nothing more.

    Attributes:
        errors: how many outlets were taken off because they raised.
    """

    __slots__ = ("_on_error", "_outlets", "_removed", "_sending", "errors")

    def __init__(self, on_error: Callable[[Outlet, Exception], None] | None = None) -> None:
        self._outlets: tuple[Outlet, ...] = ()
        self._removed: set[Outlet] = set()
        self._sending = 0
        self._on_error = on_error
        self.errors = 0

    def __len__(self) -> int:
        return len(self._outlets)

    def __contains__(self, outlet: Outlet) -> bool:
        return outlet in self._outlets

    def add(self, outlet: Outlet) -> None:
        """Add an outlet; one that is there already stays as it is."""

    def remove(self, outlet: Outlet) -> None:
        """Remove an outlet; one that is not there is no error."""

    def send(self, batch: PacketBatch) -> None:
        """Give a batch to every outlet. Never raises for an outlet."""

    def send_rtcp(self, packet: bytes) -> None:
        """Give an RTCP packet to every outlet. Never raises for an outlet."""

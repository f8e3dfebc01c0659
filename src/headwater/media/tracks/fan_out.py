"""One batch to many outlets, each of which may fail without harm to the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from headwater.log_pace import paced_logger
from headwater.media.tracks.packet_batch import PacketBatch

logger = paced_logger(__name__)


class Outlet(Protocol):
    """Where a track's packets leave: one reader, or many behind one socket.

    Outlets are compared by identity and must be hashable.
    """

    __slots__ = ()

    def send_batch(self, batch: PacketBatch) -> None:
        """Take a batch, at once and without waiting."""

    def send_rtcp(self, batch: PacketBatch) -> None:
        """Take compound RTCP packets of the publisher, at once and without waiting."""

    def outlet_failed(self, error: Exception) -> None:
        """Learn that `error` came out of this outlet and that it was taken off the fan-out."""


class FanOut:
    """The outlets of one track, served in the order they were added.

    Outlets may be added and removed at any time, also by an outlet that is being served: one
    that is added meanwhile begins with the next batch, one that is removed gets nothing more.

    Attributes:
        errors: how many outlets were taken off because they raised.
    """

    __slots__ = ("_on_error", "_order", "_outlets", "_removed", "_sending", "errors")

    def __init__(self, on_error: Callable[[Outlet, Exception], None] | None = None) -> None:
        self._outlets: dict[Outlet, None] = {}
        # What `send` walks; made anew after a change, so that a wave of joins costs one copy.
        self._order: tuple[Outlet, ...] | None = ()
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
        self._outlets[outlet] = None
        self._order = None

    def remove(self, outlet: Outlet) -> None:
        """Remove an outlet; one that is not there is no error."""
        if outlet not in self._outlets:
            return
        del self._outlets[outlet]
        self._order = None
        if self._sending:
            self._removed.add(outlet)

    def look_once(self, see: Callable[[PacketBatch], None]) -> None:
        """Have `see` called with the next batch, once all outlets have it.

        It costs nothing but that: whoever is served is walked in an order that it is put behind of
        for one batch. A change of the outlets before that batch forgets it.
        """
        order = tuple(self._outlets) if self._order is None else self._order
        if order and not isinstance(order[-1], _Look):
            self._order = (*order, _Look(self, see))

    def send(self, batch: PacketBatch) -> None:
        """Give a batch to every outlet. Never raises for an outlet."""
        order = self._order
        if order is None:
            order = self._order = tuple(self._outlets)
        if len(order) == 1:
            # Most cameras have one reader, or many behind one socket. Should it be taken off by
            # what it does, there is nobody behind it whom that could concern.
            [outlet] = order
            try:
                outlet.send_batch(batch)
            except Exception as error:  # noqa: BLE001 one outlet's fault stays its own
                self.take_off(outlet, error)
            return
        self._sending += 1
        removed = self._removed
        try:
            for outlet in order:
                if removed and outlet in removed:
                    continue
                try:
                    outlet.send_batch(batch)
                except Exception as error:  # noqa: BLE001 one outlet's fault stays its own
                    self.take_off(outlet, error)
        finally:
            self._sending -= 1
            if removed and not self._sending:
                removed.clear()

    def send_rtcp(self, batch: PacketBatch) -> None:
        """Give compound RTCP packets to every outlet. Never raises for an outlet."""
        self._sending += 1
        try:
            for outlet in tuple(self._outlets):
                if outlet in self._removed:
                    continue
                try:
                    outlet.send_rtcp(batch)
                except Exception as error:  # noqa: BLE001 one outlet's fault stays its own
                    self.take_off(outlet, error)
        finally:
            self._sending -= 1
            if not self._sending:
                self._removed.clear()

    def take_off(self, outlet: Outlet, error: Exception) -> None:
        """Note that an outlet, or one that is behind another, failed, and tell it."""
        self.errors += 1
        self.remove(outlet)
        try:
            outlet.outlet_failed(error)
        except Exception:
            logger.exception("an outlet raised again when it was told of its failure")
        if self._on_error is not None:
            self._on_error(outlet, error)

    def forget_look(self) -> None:
        """Walk the outlets alone again."""
        self._order = None


class _Look(Outlet):
    """Sees one batch behind all outlets of a fan-out, and leaves it."""

    __slots__ = ("_fan_out", "_see")

    def __init__(self, fan_out: FanOut, see: Callable[[PacketBatch], None]) -> None:
        self._fan_out = fan_out
        self._see = see

    def send_batch(self, batch: PacketBatch) -> None:
        """See it."""
        self._fan_out.forget_look()
        self._see(batch)

    def send_rtcp(self, batch: PacketBatch) -> None:
        """Do nothing: it is given RTP alone."""

    def outlet_failed(self, error: Exception) -> None:
        """Do nothing: it has left."""

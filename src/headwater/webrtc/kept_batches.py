"""What a view keeps for those who come later: its packets since the last key frame."""

from __future__ import annotations

from typing import Final

from headwater.media.cache_budget import CacheBudget
from headwater.media.mount import Mount
from headwater.webrtc.view_batch import ViewBatch

_STALE_S: Final = 5.0
"""What is kept would freeze on who begins now, where nothing came for so long."""
_PACKET_BYTES: Final = 48
_BATCH_BYTES: Final = 400
"""Of memory, beside their own bytes, for each packet and for each batch."""


class KeptBatches:
    """A log that begins with a key frame, or is empty.

    It has the bounds of the mount's cache of packets, and counts against the same budget.

    Attributes:
        held_bytes: what it takes of memory.
    """

    def __init__(self, mount: Mount, budget: CacheBudget) -> None:
        self._mount = mount
        self._budget = budget
        self._batches: list[ViewBatch] = []
        self._size_bytes = 0
        self._began_s = self._last_s = 0.0
        self.held_bytes = 0
        budget.join(self)

    def add(self, batch: ViewBatch, arrived_s: float) -> None:
        """Note a batch; with a key frame the log begins anew, without one it may be none."""
        if batch.begins_key_frame:
            self.forget()
            self._began_s = arrived_s
        elif not self._batches:
            return
        self._last_s = arrived_s
        self._batches.append(batch)
        self._size_bytes += batch.size_bytes
        held = batch.size_bytes + len(batch.packets) * _PACKET_BYTES + _BATCH_BYTES
        self.held_bytes += held
        self._budget.held_bytes += held
        settings = self._mount.settings
        if (
            self._size_bytes > settings.gop_cache_max_bytes
            or arrived_s - self._began_s > settings.gop_cache_max_s
        ):
            self.forget()
        if self._budget.held_bytes > self._budget.most_bytes:
            self._budget.make_room()

    def fresh(self, now: float) -> list[ViewBatch]:
        """Return what is kept; nothing where it is old."""
        return list(self._batches) if now - self._last_s < _STALE_S else []

    def forget(self) -> None:
        """Keep nothing until the next key frame."""
        self._batches = []
        self._size_bytes = 0
        self._budget.held_bytes -= self.held_bytes
        self.held_bytes = 0

    def give_way(self) -> None:
        """Keep nothing until the next key frame, since all caches together take too much."""
        self.forget()

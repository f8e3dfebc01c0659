"""What a feed keeps for those who come later: all access units since the last key frames."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

from headwater.feeds.fed_unit import FedUnit
from headwater.media.cache_budget import CacheBudget
from headwater.media.mount import Mount

_MOST_ENTRIES = 16_384
_UNIT_BYTES = 400
"""Of memory, beside its own bytes, for each access unit."""
_PIECE_BYTES = 64
"""And for each of its pieces."""


class KeptGroup:
    """A log of access units that goes back to the last key frame of each video track.

    It has the bounds of the mount's cache of packets, and counts against the same budget.

    Attributes:
        held_bytes: what it takes of memory.
    """

    __slots__ = (
        "__weakref__",
        "_budget",
        "_entries",
        "_key_frames",
        "_mount",
        "_offset",
        "_sizes",
        "_video",
        "held_bytes",
    )

    def __init__(self, mount: Mount, video: Collection[int], budget: CacheBudget) -> None:
        """Make an empty log; `video` are the tracks whose pictures need a key frame."""
        self._mount = mount
        self._video = frozenset(video)
        self._budget = budget
        self._entries: list[FedUnit] = []
        self._sizes: list[int] = []
        # By track the place of its last key frame, counted like `_offset`: entries that are gone.
        self._key_frames: dict[int, int] = {}
        self._offset = 0
        self.held_bytes = 0
        budget.join(self)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, fed: FedUnit) -> None:
        """Note an access unit that is given now."""
        if fed.track in self._video and fed.unit.key_frame:
            self._key_frames[fed.track] = self._offset + len(self._entries)
            self._append(fed)
            self._begin_at_oldest()
        elif self._entries:
            self._append(fed)
        while self._key_frames and self._is_too_much(fed.arrived_s):
            del self._key_frames[min(self._key_frames, key=self._key_frames.__getitem__)]
            self._begin_at_oldest()
        if self._budget.held_bytes > self._budget.most_bytes:
            self._budget.make_room()

    def since_key_frame(self, tracks: Collection[int]) -> Iterator[FedUnit]:
        """Yield what somebody gets who takes these tracks from now on; nothing without a picture.

        The oldest of their last key frames begins it.
        """
        places = [self._key_frames[index] for index in tracks if index in self._key_frames]
        if places:
            first = min(places) - self._offset
            yield from (fed for fed in islice(self._entries, first, None) if fed.track in tracks)

    def forget(self) -> None:
        """Keep nothing until the next key frame."""
        self._key_frames.clear()
        self._offset += len(self._entries)
        self._entries = []
        self._sizes = []
        self._hold(-self.held_bytes)

    def give_way(self) -> None:
        """Keep nothing until the next key frame, since all caches together take too much."""
        self.forget()

    def _append(self, fed: FedUnit) -> None:
        pieces = fed.unit.units
        size = sum(map(len, pieces)) + _UNIT_BYTES + _PIECE_BYTES * len(pieces)
        self._entries.append(fed)
        self._sizes.append(size)
        self._hold(size)

    def _begin_at_oldest(self) -> None:
        if not self._key_frames:
            self.forget()
            return
        gone = min(self._key_frames.values()) - self._offset
        self._hold(-sum(self._sizes[:gone]))
        del self._entries[:gone]
        del self._sizes[:gone]
        self._offset += gone

    def _is_too_much(self, now: float) -> bool:
        settings = self._mount.settings
        return (
            self.held_bytes > settings.gop_cache_max_bytes
            or now - self._entries[0].arrived_s > settings.gop_cache_max_s
            or len(self._entries) > _MOST_ENTRIES
        )

    def _hold(self, more_bytes: int) -> None:
        self.held_bytes += more_bytes
        self._budget.held_bytes += more_bytes

"""What came since the last key frames, on all tracks of a mount, for readers that begin now."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter

from headwater.media.cache_budget import CacheBudget
from headwater.media.settings import MountSettings
from headwater.media.tracks.packet_batch import BATCH_BYTES, PacketBatch
from headwater.media.tracks.track import Track

_ENOUGH_BYTES = 16 * 1024
"""Batches of one track that follow each other are joined to one entry of this size, of bytes: as
many objects as there are packets would take a multiple of their bytes where packets are small."""
_MOST_LOOSE = 16
"""As many batches wait to be joined: small ones must not be many objects for long."""
_WHOLE_BYTES = 4096
"""A batch that came as bytes is an entry by itself from this size on: it needs no copy."""
_MOST_ENTRIES = 16_384
"""A log of more batches is not kept: a reader that begins with it would hold up all others."""


class GopCache:
    """A log of batches in order of arrival that goes back to the last key frame of each track.

    The older of two tracks' last key frames begins the log, so that a reader of either or both
    begins with a whole picture. When the bounds are passed, the track whose key frame is the
    oldest gives it up; with the last one the log is empty until the next key frame. So it is when
    all caches together take too much and this is among the largest.

    Attributes:
        entries: pairs of track index and batch.
        size_bytes: the size of all entries.
        held_bytes: what they take of memory, which the budget of all caches counts.
        overflows: how often the bounds were passed.
    """

    __slots__ = (
        "__weakref__",
        "_budget",
        "_key_frames",
        "_loose",
        "_loose_bytes",
        "_max_bytes",
        "_max_s",
        "_offset",
        "_started_s",
        "_video",
        "entries",
        "held_bytes",
        "overflows",
        "size_bytes",
    )

    def __init__(
        self, *, max_bytes: int, max_s: float, video: Collection[int], budget: CacheBudget
    ) -> None:
        """Make an empty log; `video` are the tracks that show key frames."""
        self._budget = budget
        self._max_bytes = max_bytes
        self._max_s = max_s
        self._video = frozenset(video)
        self._started_s = 0.0
        # By track the place of its last key frame, counted like `_offset`: entries that are gone.
        self._key_frames: dict[int, int] = {}
        self._offset = 0
        # The last entries, so many, are batches that are to be joined.
        self._loose = 0
        self._loose_bytes = 0
        self.entries: list[tuple[int, PacketBatch]] = []
        self.size_bytes = 0
        self.held_bytes = 0
        self.overflows = 0
        budget.join(self)

    def set_bounds(self, *, max_bytes: int, max_s: float) -> None:
        """Change how much is kept, from the next batch on."""
        self._max_bytes, self._max_s = max_bytes, max_s

    def add(self, track_index: int, batch: PacketBatch) -> None:
        """Note a batch that just came."""
        entries = self.entries
        begins = batch.key_frame_index >= 0
        if begins:
            # A place stays where it is: what is in front of it is joined now, with nothing of it.
            self._join_loose()
            self._key_frames[track_index] = self._offset + len(entries)
        elif not entries:
            return
        entries.append((track_index, batch))
        size_bytes = batch.size_bytes
        # Of a run it is known without asking, and nearly all are runs.
        held_bytes = size_bytes + BATCH_BYTES if batch.segment_bytes else batch.held_bytes
        budget = self._budget
        budget.held_bytes += held_bytes
        self.held_bytes += held_bytes
        self.size_bytes += size_bytes
        if size_bytes < _WHOLE_BYTES or self._loose or batch.joined is None:
            self._loose += 1
            self._loose_bytes += size_bytes
            if self._loose_bytes >= _ENOUGH_BYTES or self._loose >= _MOST_LOOSE:
                self._join_loose()
        if begins:
            self._begin_at_oldest()
        if (
            self.size_bytes > self._max_bytes
            or batch.arrived_s - self._started_s > self._max_s
            or len(self.entries) > _MOST_ENTRIES
        ):
            self._keep_bounds(batch.arrived_s)
        if budget.held_bytes > budget.most_bytes:
            budget.make_room()

    def place_for(self, tracks: Collection[int]) -> int | None:
        """Where a reader of these tracks begins: at the oldest of their last key frames.

        A place is a number that no other entry has or had. None where no track has a key frame.
        """
        places = [self._key_frames[index] for index in tracks if index in self._key_frames]
        return min(places, default=None)

    def holds(self, place: int) -> bool:
        """Whether the log still goes back to a place."""
        return 0 <= place - self._offset < len(self.entries)

    def entries_from(
        self, place: int, tracks: Collection[int]
    ) -> Iterator[tuple[int, PacketBatch]]:
        """What a reader of these tracks gets that begins at a place.

        Each video track begins with its first key frame there, and is left out until it.
        """
        begun = set(tracks) - self._video
        for entry in islice(self.entries, place - self._offset, None):
            index, batch = entry
            if index in begun:
                yield entry
            elif index in tracks and batch.key_frame_index >= 0:
                begun.add(index)
                yield index, batch.tail(batch.key_frame_index)

    def forget(self) -> None:
        """Empty the log until the next key frame."""
        self._key_frames.clear()
        self._offset += len(self.entries)
        self.entries = []
        self._loose = self._loose_bytes = 0
        self.size_bytes = 0
        self._hold(0)

    def give_way(self) -> None:
        """Empty the log until the next key frame, since all caches together take too much."""
        if self.entries:
            self.overflows += 1
            self.forget()

    def forget_publisher(self) -> None:
        """Empty the log: what is kept would freeze on a reader that begins now."""
        self._budget.left_bytes += self.held_bytes
        self.forget()

    @property
    def span_s(self) -> float:
        """Seconds between the first and the last entry."""
        return self.entries[-1][1].arrived_s - self._started_s if self.entries else 0.0

    def _join_loose(self) -> None:
        """Make one entry of those loose ones that follow each other on one track."""
        if self._loose:
            entries, first = self.entries, len(self.entries) - self._loose
            held_bytes = self.held_bytes
            for track_index, group in groupby(entries[first:], itemgetter(0)):
                batches = [batch for _, batch in group]
                joined = PacketBatch.join(batches).compact()
                entries[first : first + len(batches)] = [(track_index, joined)]
                held_bytes += joined.held_bytes - sum([batch.held_bytes for batch in batches])
                first += 1
            self._loose = self._loose_bytes = 0
            self._hold(held_bytes)

    def _hold(self, held_bytes: int) -> None:
        self._budget.held_bytes += held_bytes - self.held_bytes
        self.held_bytes = held_bytes

    def _keep_bounds(self, now: float) -> None:
        self.overflows += 1
        while self._key_frames and self._too_much(now):
            del self._key_frames[min(self._key_frames, key=self._key_frames.__getitem__)]
            self._begin_at_oldest()

    def _too_much(self, now: float) -> bool:
        return (
            self.size_bytes > self._max_bytes
            or now - self._started_s > self._max_s
            or len(self.entries) > _MOST_ENTRIES
        )

    def _begin_at_oldest(self) -> None:
        """Let go of what is before the oldest key frame that a track goes back to."""
        if not self._key_frames:
            self.forget()
            return
        place = min(self._key_frames.values())
        gone = place - self._offset
        if not gone and len(self.entries) > 1:
            return
        self.entries = self.entries[gone:]
        index, batch = self.entries[0]
        first = batch.tail(batch.key_frame_index)
        self.entries[0] = index, first
        self._offset = place
        self._started_s = first.arrived_s
        self.size_bytes = sum(batch.size_bytes for _, batch in self.entries)
        self._hold(sum(batch.held_bytes for _, batch in self.entries))


def cache_for(
    tracks: Sequence[Track], settings: MountSettings, budget: CacheBudget
) -> GopCache | None:
    """Return a cache where it can ever be of use: with a track whose key frames can be told."""
    if not (settings.gop_cache_max_bytes and settings.gop_cache_max_s):
        return None
    video = [track.index for track in tracks if track.has_key_frames]
    if not video:
        return None
    return GopCache(
        max_bytes=settings.gop_cache_max_bytes,
        max_s=settings.gop_cache_max_s,
        video=video,
        budget=budget,
    )

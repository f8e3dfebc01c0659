"""What came since the last key frame, on all tracks of a mount, for readers that begin now."""

from __future__ import annotations

from headwater.media.packet_batch import PacketBatch

_NO_TRACK = -1


class GopCache:
    """A log of batches in order of arrival that begins with a key frame.

    The first video track that shows a key frame sets the beat; a key frame there begins the log
    anew. When the bounds are passed the log is empty until the next one.

    Attributes:
        entries: pairs of track index and batch; the list is replaced, never cleared.
        size_bytes: the size of all entries.
        generation: counts the key frames that began a log.
        key_track: index of the track that sets the beat, -1 before the first key frame.
        overflows: how often the bounds were passed.
    """

    __slots__ = (
        "_max_bytes",
        "_max_s",
        "_started_s",
        "entries",
        "generation",
        "key_track",
        "overflows",
        "size_bytes",
    )

    def __init__(self, *, max_bytes: int, max_s: float) -> None:
        self._max_bytes = max_bytes
        self._max_s = max_s
        self._started_s = 0.0
        self.entries: list[tuple[int, PacketBatch]] = []
        self.size_bytes = 0
        self.generation = 0
        self.key_track = _NO_TRACK
        self.overflows = 0

    def add(self, track_index: int, batch: PacketBatch) -> None:
        """Note a batch that just came."""
        if batch.key_frame_index >= 0 and (
            track_index == self.key_track or self.key_track < 0 or track_index < self.key_track
        ):
            first = batch.tail(batch.key_frame_index)
            self.key_track = track_index
            self.generation += 1
            self._started_s = batch.arrived_s
            self.entries = [(track_index, first)]
            self.size_bytes = first.size_bytes
        elif self.entries:
            self.entries.append((track_index, batch))
            self.size_bytes += batch.size_bytes
        else:
            return
        if self.size_bytes > self._max_bytes or batch.arrived_s - self._started_s > self._max_s:
            self.overflows += 1
            self.forget()

    def forget(self) -> None:
        """Empty the log until the next key frame."""
        self.entries = []
        self.size_bytes = 0

    @property
    def span_s(self) -> float:
        """Seconds between the first and the last entry."""
        return self.entries[-1][1].arrived_s - self._started_s if self.entries else 0.0

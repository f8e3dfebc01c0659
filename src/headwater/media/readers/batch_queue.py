"""Batches that wait for whoever takes them, in order of arrival."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from headwater.media.clock import Clock
from headwater.media.readers.slow_reader import SlowReaderGate
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch that waits, and since when."""

    track: Track
    batch: PacketBatch
    since_s: float
    is_rtcp: bool = False


class BatchQueue:
    """A queue of the batches of several tracks. Its bounds are those of the outlets' gates.

    Attributes:
        held_bytes: about the memory that the batches take; others may share it.
        put_packets, put_bytes: RTP that came in.
        taken_packets, taken_bytes: RTP that was taken.
        dropped_rtcp_packets: compound RTCP packets for which there was no room.
    """

    def __init__(self, clock: Clock, on_waiting: Callable[[], None]) -> None:
        """Make an empty queue; `on_waiting` is called whenever a batch has come in."""
        self._clock = clock
        self._on_waiting = on_waiting
        self._waiting: deque[Waiting] = deque()
        self.held_bytes = 0
        self.put_packets = 0
        self.put_bytes = 0
        self.taken_packets = 0
        self.taken_bytes = 0
        self.dropped_rtcp_packets = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def oldest_s(self) -> float:
        """How long the batch that is next has waited, in seconds; 0.0 where none does."""
        return self._clock() - self._waiting[0].since_s if self._waiting else 0.0

    def put(self, track: Track, gate: SlowReaderGate, batch: PacketBatch) -> None:
        """Add what the gate leaves of a batch of RTP packets."""
        now = self._clock()
        admitted = gate.admit(batch, self.held_bytes, self._age_s(now), now)
        if admitted is not None:
            self.put_packets += len(admitted)
            self.put_bytes += admitted.size_bytes
            self._append(Waiting(track, admitted, now))

    def put_rtcp(self, track: Track, gate: SlowReaderGate, batch: PacketBatch) -> None:
        """Add a batch of compound RTCP packets where there is room."""
        now = self._clock()
        if gate.takes_rtcp(self.held_bytes, self._age_s(now)):
            self._append(Waiting(track, batch, now, is_rtcp=True))
        else:
            self.dropped_rtcp_packets += len(batch)

    def take(self) -> Waiting | None:
        """Take the batch that has waited longest; None where none waits."""
        if not self._waiting:
            return None
        first = self._waiting.popleft()
        self.held_bytes -= first.batch.held_bytes
        if not first.is_rtcp:
            self.taken_packets += len(first.batch)
            self.taken_bytes += first.batch.size_bytes
        return first

    def clear(self) -> None:
        """Throw away all that waits."""
        self._waiting.clear()
        self.held_bytes = 0

    def _age_s(self, now: float) -> float:
        return now - self._waiting[0].since_s if self._waiting else 0.0

    def _append(self, waiting: Waiting) -> None:
        if self._waiting:
            # Its fan-out is over: what other readers shared of it need not wait with it.
            self._waiting[-1].batch.forget_shared()
        self._waiting.append(waiting)
        self.held_bytes += waiting.batch.held_bytes
        self._on_waiting()

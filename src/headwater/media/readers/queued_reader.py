"""What readers that are made of Python code have in common: a bounded queue."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from headwater.media.clock import CallSoon, Clock
from headwater.media.mount import Mount
from headwater.media.readers.batch_queue import BatchQueue
from headwater.media.readers.reader import Reader
from headwater.media.readers.slow_reader import SlowReaderGate
from headwater.media.settings import MountSettings
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track

PYTHON = "python"
"""The transport of a reader or publisher that is code of this process."""


class QueuedReader(Reader):
    """A reader whose batches wait until its owner takes them.

    Life: `begin` once; then batches wait in order of arrival. A queue that passes the bounds of
    bytes or age loses whole stretches up to the next key frame, by the rules for slow readers.
    When the mount closes the reader, what waits can still be taken; `end` throws it away.

    Attributes:
        end_reason: why it ended; None while it has not.
        on_end_noted: called with the reason as soon as it ends, before what waits is taken.
    """

    needs_pacing = False
    _wants_rtcp = False

    def __init__(
        self,
        reader_id: str,
        *,
        clock: Clock,
        call_soon: CallSoon,
        settings: MountSettings | None = None,
        user_agent: str = "",
    ) -> None:
        """Make a reader.

        Args:
            reader_id: what logs and snapshots call it.
            clock: the mount's.
            call_soon: calls a function in one of the loop's next turns.
            settings: whose rules for slow readers hold; the mount's own unless given.
            user_agent: what it calls itself.
        """
        self.id = reader_id
        self.peer = ""
        self.user_agent = user_agent
        self.transport = PYTHON
        self.end_reason: str | None = None
        self.on_end_noted: Callable[[str], None] | None = None
        self._clock = clock
        self._call_soon = call_soon
        self._settings = settings
        self._mount: Mount | None = None
        self._outlets: dict[int, _QueueOutlet] = {}
        self._queue = BatchQueue(clock, self._something_waits)
        self._expires = False

    def begin(
        self,
        mount: Mount,
        track_indexes: Sequence[int] | None = None,
        *,
        instant_start: bool | None = None,
    ) -> None:
        """Start to read a mount: these tracks, or all of them.

        Args:
            mount: what to read.
            track_indexes: places of `m=` lines in the presentation.
            instant_start: whether to begin with the last key frame that is kept and all that has
                come since; as the mount's settings say unless given.

        Raises:
            MountFull: the mount has as many readers as it may have.
            MountClosed: it is closed.
            RuntimeError: the reader has begun before, or has ended.
        """
        if self._mount is not None or self.end_reason is not None:
            raise RuntimeError(f"the reader {self.id} has begun or ended already; make another one")
        indexes = tuple(range(len(mount.tracks)) if track_indexes is None else track_indexes)
        settings = mount.settings if self._settings is None else self._settings
        outlets = {
            index: _QueueOutlet(
                track := mount.tracks[index],
                SlowReaderGate(settings, has_key_frames=track.has_key_frames),
                self._queue,
                wants_rtcp=self._wants_rtcp,
                on_expired=self._expire,
                on_failed=self._fail,
            )
            for index in indexes
        }
        mount.add_reader(self)
        self._mount, self._outlets = mount, outlets
        mount.start_reader(self, mount.plan_start(indexes, instant_start))

    def end(self, reason: str = "left") -> None:
        """Stop reading: what waits is thrown away, and nothing comes any more. Again is fine."""
        if self._mount is not None:
            self._mount.remove_reader(self, reason)
        self._queue.clear()
        self._note_end(reason)

    @property
    def delivered_packets(self) -> int:
        """RTP packets that its owner has taken."""
        return self._queue.taken_packets

    @property
    def delivered_bytes(self) -> int:
        """The same in bytes."""
        return self._queue.taken_bytes

    @property
    def queued_bytes(self) -> int:
        """About the memory that its waiting batches take; other readers may share it."""
        return self._queue.held_bytes

    @property
    def oldest_queued_s(self) -> float:
        """How long the batch that is next has waited, in seconds."""
        return self._queue.oldest_s

    @property
    def sent_packets(self) -> int:
        """RTP packets that it got, those that wait for its owner included."""
        return self._queue.put_packets

    @property
    def sent_bytes(self) -> int:
        """The same in bytes."""
        return self._queue.put_bytes

    @property
    def dropped_packets(self) -> int:
        """RTP packets that it missed because its owner was too slow."""
        return sum(outlet.gate.dropped_packets for outlet in self._outlets.values())

    @property
    def dropped_bytes(self) -> int:
        """The same in bytes."""
        return sum(outlet.gate.dropped_bytes for outlet in self._outlets.values())

    @property
    def dropped_rtcp_packets(self) -> int:
        """Compound RTCP packets that it missed for the same reason."""
        return self._queue.dropped_rtcp_packets

    def join(self, track_index: int, track: Track) -> None:
        """Start live delivery."""
        track.fan_out.add(self._outlets[track_index])

    def leave(self, track_index: int, track: Track) -> None:
        """Stop live delivery."""
        track.fan_out.remove(self._outlets[track_index])

    def send_batch(self, track_index: int, batch: PacketBatch) -> None:
        """Queue a batch that the mount has kept."""
        self._outlets[track_index].send_batch(batch)

    def send_rtcp(self, track_index: int, batch: PacketBatch) -> None:
        """Queue compound RTCP packets, where its owner wants them."""
        self._outlets[track_index].send_rtcp(batch)

    def close(self, reason: str) -> None:
        """Learn that the mount has let go of the reader: nothing more comes."""
        self._note_end(reason)

    @abstractmethod
    def _something_waits(self) -> None:
        """Learn that a batch waits, or that the reader has ended."""

    def _note_end(self, reason: str) -> None:
        if self.end_reason is None:
            self.end_reason = reason
            self._something_waits()
            if self.on_end_noted is not None:
                self.on_end_noted(reason)

    def _expire(self) -> None:
        """Have the mount close it: later, since a fan-out may be under way."""
        if not self._expires and self._mount is not None:
            self._expires = True
            self._call_soon(partial(self._mount.disconnect_slow_reader, self))

    def _fail(self, error: Exception) -> None:
        self._call_soon(partial(self.end, f"delivery failed: {error}"))


@dataclass(eq=False, slots=True)
class _QueueOutlet:
    """One track's way into the queue."""

    track: Track
    gate: SlowReaderGate
    queue: BatchQueue
    wants_rtcp: bool
    on_expired: Callable[[], None]
    on_failed: Callable[[Exception], None]

    def send_batch(self, batch: PacketBatch) -> None:
        self.queue.put(self.track, self.gate, batch)
        if self.gate.expired:
            self.on_expired()

    def send_rtcp(self, batch: PacketBatch) -> None:
        if self.wants_rtcp:
            self.queue.put_rtcp(self.track, self.gate, batch)

    def outlet_failed(self, error: Exception) -> None:
        self.on_failed(error)

"""One reader on its way from the last key frame to the live packets."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence

from headwater.media.clock import CallLater, Clock, Timer
from headwater.media.readers.convoy import (
    LONGEST_TICK_S,
    MOST_QUEUED_BYTES,
    TICK_S,
    Arrival,
    Parting,
)
from headwater.media.readers.reader import Reader
from headwater.media.readers.stretch import LEAST_RATE_BYTES_S
from headwater.media.settings import MountSettings
from headwater.media.tracks.packet_batch import NO_KEY_FRAME, PacketBatch

MOST_JOINED_BYTES = 16 * 1024
"""Paced readers get batches of one track joined up to here: little ones leave in few runs."""
MOST_TICK_BYTES = 512 * 1024
"""A reader whose queue empties as fast as it is filled gets this much before others have a turn,
counted as memory: small packets are as much work as large ones."""


class CatchUp:
    """Sends kept batches, then those that came meanwhile, until none is left.

    Live batches queue up behind the kept ones, so that order is kept and nothing is missing or
    sent twice. When that takes too much memory or time, everything waiting is given up, but for
    the rest of a picture that was begun, and each video track goes on with its next key frame.

    Attributes:
        reader: whom it is for.
        skips: how often it gave up what was waiting.
        skipped_packets, skipped_bytes: what that was, and what came until the key frames.
    """

    def __init__(
        self,
        reader: Reader,
        tracks: Collection[int],
        entries: Sequence[tuple[int, PacketBatch]],
        settings: MountSettings,
        *,
        video: Collection[int],
        clock: Clock,
        call_later: CallLater,
        outcome: Arrival,
        parting: Parting | None = None,
    ) -> None:
        """Make one that begins; or, with `parting`, one that goes on where a convoy has come to."""
        self.reader = reader
        self.skips = 0
        self.skipped_packets = 0
        self.skipped_bytes = 0
        self._tracks = set(tracks)
        # Tracks of which nothing was sent yet.
        self._unsent = set(tracks)
        self._video = frozenset(video)
        # Video tracks of whose last picture only the first packets were sent.
        self._begun: set[int] = set()
        # Those of them that get its rest, although what waited was given up.
        self._finishing: set[int] = set()
        # Tracks that are left out until a key frame.
        self._waiting: set[int] = set()
        self._pending = deque(entries)
        self._pending_bytes = sum(batch.size_bytes for _, batch in entries)
        self._most_bytes = self._pending_bytes + settings.catch_up_max_bytes
        self._most_s = settings.catch_up_max_s
        self._key_frame_wait_s = settings.key_frame_wait_s
        self._disconnect_s = settings.slow_reader_disconnect_s
        self._burst_bytes = settings.catch_up_burst_bytes
        # The pace at which the media comes, the live batches included: a reader that begins right
        # behind a key frame has nothing else to tell it by.
        self._speed = settings.catch_up_speed
        self._came_since_s = entries[0][1].arrived_s if entries else clock()
        self._came_bytes = self._pending_bytes
        self._rate_bytes_s = LEAST_RATE_BYTES_S
        if entries:
            self._note_pace(entries[-1][1].arrived_s)
        self._queue_bytes = min(MOST_QUEUED_BYTES, settings.slow_reader_max_bytes // 2)
        self._clock = clock
        self._call_later = call_later
        self._outcome = outcome
        if parting is not None:
            self._unsent = set(parting.unsent)
            self._begun = set(parting.begun)
            self._most_bytes = parting.most_bytes
        self._timer: Timer | None = None
        self._tick_s = TICK_S
        self._allowance = float(self._burst_bytes if parting is None else 0)
        self._last_tick_s = self._since_s = self._moved_s = clock()
        self._skipped_s = 0.0
        self._at_once = False
        self._over = False

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait to be sent."""
        return self._pending_bytes

    def begin(self) -> None:
        """Send what may be sent at once; all of it, if it is little."""
        self._tick()

    def give_up(self) -> None:
        """Leave out what waits, and go on with the next key frame."""
        self._skip(self._clock())
        self._tick()

    def cancel(self) -> None:
        """Stop; nothing more is sent or called."""
        self._over = True
        self._pending.clear()
        self._pending_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def drop_track(self, track_index: int) -> None:
        """Send nothing more of one track."""
        self._tracks.discard(track_index)
        self._finishing.discard(track_index)
        self._waiting.discard(track_index)
        if not self._tracks & self._video:
            self._waiting.clear()
        self._pending = deque(entry for entry in self._pending if entry[0] != track_index)
        self._pending_bytes = sum(batch.size_bytes for _, batch in self._pending)

    def add(self, track_index: int, batch: PacketBatch) -> None:
        """Take a live batch."""
        if track_index not in self._tracks:
            return
        self._came_bytes += batch.size_bytes
        self._note_pace(batch.arrived_s)
        if not self._pending:
            self._since_s = batch.arrived_s
        if track_index in self._waiting:
            self._add_while_waiting(track_index, batch)
        else:
            self._append(track_index, batch)
        if self._pending_bytes > self._most_bytes or batch.arrived_s - self._since_s > self._most_s:
            self._skip(batch.arrived_s)

    def _append(self, track_index: int, batch: PacketBatch) -> None:
        self._pending.append((track_index, batch))
        self._pending_bytes += batch.size_bytes

    def _add_while_waiting(self, track_index: int, batch: PacketBatch) -> None:
        """Take the rest of a picture that was begun, and what begins with a key frame."""
        key_frame = batch.key_frame_index if track_index in self._video else NO_KEY_FRAME
        before = batch if key_frame < 0 else batch.head(key_frame) if key_frame else None
        if before is not None:
            rest = self._rest_of_picture(track_index, before)
            if rest is not None:
                self._append(track_index, rest)
            self.skipped_packets += len(before) - (0 if rest is None else len(rest))
            self.skipped_bytes += before.size_bytes - (0 if rest is None else rest.size_bytes)
        if key_frame >= 0:
            self._finishing.discard(track_index)
            self._waiting.discard(track_index)
            # Sound goes on with the first picture.
            self._waiting &= self._video
            self._since_s = batch.arrived_s
            # What comes with a key frame is little; pacing it again could go on for ever.
            self._at_once = True
            self._append(track_index, batch.tail(key_frame))

    def _rest_of_picture(self, track_index: int, batch: PacketBatch) -> PacketBatch | None:
        if track_index not in self._finishing:
            return None
        if not batch.picture_end:
            return batch
        self._finishing.discard(track_index)
        return batch.head(batch.picture_end)

    def _skip(self, now: float) -> None:
        self.skips += 1
        waited, waited_bytes = self._pending, self._pending_bytes
        # A picture without an end is given up with the second skip.
        self._finishing = self._begun - self._finishing
        self._pending, self._pending_bytes = deque(), 0
        for track_index, batch in waited:
            rest = self._rest_of_picture(track_index, batch)
            if rest is not None:
                self._append(track_index, rest)
        self.skipped_packets += _packets(waited) - _packets(self._pending)
        self.skipped_bytes += waited_bytes - self._pending_bytes
        self._waiting = set(self._tracks) if self._tracks & self._video else set()
        self._skipped_s = self._since_s = now

    def _tick(self) -> None:
        self._timer = None
        now = self._clock()
        try:
            sent = self._send_at_pace(now) if self._paced else self._send_into_queue()
        except Exception as error:  # noqa: BLE001 one reader's fault stays its own
            self.cancel()
            self._outcome.failed(error)
            return
        if self._over:
            return
        if sent:
            self._moved_s = now
            self._tick_s = TICK_S
        else:
            self._tick_s = min(LONGEST_TICK_S, self._tick_s * 2)
        if self._pending and 0 < self._disconnect_s <= now - self._moved_s:
            self.cancel()
            self._outcome.stalled()
        elif self._pending or self._still_awaits(now):
            self._timer = self._call_later(self._tick_s, self._tick)
        else:
            self.cancel()
            self._outcome.live()

    def _note_pace(self, now: float) -> None:
        span_s = now - self._came_since_s
        if span_s > 0:
            self._rate_bytes_s = max(LEAST_RATE_BYTES_S, self._speed * self._came_bytes / span_s)

    def _still_awaits(self, now: float) -> bool:
        return bool(self._waiting) and now - self._skipped_s < self._key_frame_wait_s

    @property
    def _paced(self) -> bool:
        return self.reader.needs_pacing

    def _send_into_queue(self) -> bool:
        sent_bytes = 0
        while self._pending and self.reader.queued_bytes < self._queue_bytes:
            if sent_bytes >= MOST_TICK_BYTES:
                break
            track_index, batch = self._pending.popleft()
            self._send(track_index, batch)
            sent_bytes += batch.work_bytes
        return sent_bytes > 0

    def _take(self) -> tuple[int, PacketBatch]:
        """Take the next batch, joined with those right behind it on the same track."""
        pending = self._pending
        track_index, batch = pending.popleft()
        joined, size_bytes = [batch], batch.size_bytes
        while pending and pending[0][0] == track_index and size_bytes < MOST_JOINED_BYTES:
            joined.append(pending.popleft()[1])
            size_bytes += joined[-1].size_bytes
        return track_index, PacketBatch.join(joined)

    def _send_at_pace(self, now: float) -> bool:
        grown = self._allowance + (now - self._last_tick_s) * self._rate_bytes_s
        self._last_tick_s = now
        self._allowance = min(self._burst_bytes, grown)
        sent = False
        while self._pending and (self._allowance > 0 or self._at_once) and self.reader.has_room:
            track_index, batch = self._take()
            fits, count = self._fitting(batch), len(batch)
            if fits < count:
                rest = batch.between(fits, count) if fits else batch
                self._pending.appendleft((track_index, rest))
                if not fits:
                    break
                batch = batch.between(0, fits)
            self._allowance -= batch.size_bytes
            self._send(track_index, batch)
            sent = True
        return sent

    def _fitting(self, batch: PacketBatch) -> int:
        """Return how many packets of a batch may go now; a full allowance covers at least one."""
        count = len(batch)
        if self._at_once or batch.size_bytes <= self._allowance:
            return count
        fits = int(self._allowance * count / batch.size_bytes)
        return 1 if not fits and self._allowance >= self._burst_bytes else fits

    def _send(self, track_index: int, batch: PacketBatch) -> None:
        self._pending_bytes -= batch.size_bytes
        self.reader.send_batch(track_index, batch)
        if track_index in self._unsent:
            self._unsent.discard(track_index)
            self._outcome.began(track_index, batch)
        if track_index in self._video:
            if batch.ends_picture:
                self._begun.discard(track_index)
            else:
                self._begun.add(track_index)
        batch.forget_shared()


def _packets(entries: Iterable[tuple[int, PacketBatch]]) -> int:
    return sum(len(batch) for _, batch in entries)

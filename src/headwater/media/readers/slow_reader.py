"""What a reader gets whose queue fills up: a pure policy on bytes and age."""

from __future__ import annotations

from headwater.media.settings import MountSettings, SlowReaderPolicy
from headwater.media.tracks.packet_batch import PacketBatch

_DRAINED = 0.5
"""A slow reader goes on once its queue is down to this part of its bounds: going on right below
them would lose the next stretch at once."""
_OVERSHOOT = 2
"""A picture that was begun is sent to its end while the queue is below this many times its bound:
half a picture would be shown broken."""


def longest_stall_s(settings: MountSettings) -> float | None:
    """Return how long anything may wait for a reader, in seconds; None for ever.

    By then its gate has expired if packets came for it to be asked about, so whoever watches a
    reader without packets holds it to the same time.
    """
    if settings.slow_reader_policy is SlowReaderPolicy.DISCONNECT:
        return settings.slow_reader_max_age_s
    if settings.slow_reader_disconnect_s <= 0:
        return None
    return settings.slow_reader_max_age_s + settings.slow_reader_disconnect_s


class SlowReaderGate:
    """Decides, batch by batch, what one reader of one track gets. Knows no reader and no clock.

    Attributes:
        dropped_packets, dropped_bytes: what was left out so far.
        stretches: how often it began to leave out.
        expired: the reader has been slow too long (or slow at all, where the policy says so)
            and should be closed; set by `admit`, which then returns None.
    """

    __slots__ = (
        "_disconnect_s",
        "_drained_since_s",
        "_dropping",
        "_has_key_frames",
        "_key_frame_wait_s",
        "_max_age_s",
        "_max_bytes",
        "_mid_picture",
        "_must_disconnect",
        "_slow_since_s",
        "dropped_bytes",
        "dropped_packets",
        "expired",
        "stretches",
    )

    def __init__(self, settings: MountSettings, *, has_key_frames: bool) -> None:
        self._max_bytes = settings.slow_reader_max_bytes
        self._max_age_s = settings.slow_reader_max_age_s
        self._disconnect_s = settings.slow_reader_disconnect_s
        self._key_frame_wait_s = settings.key_frame_wait_s
        self._must_disconnect = settings.slow_reader_policy is SlowReaderPolicy.DISCONNECT
        self._has_key_frames = has_key_frames
        # Whether the last packet sent was not the last one of its picture. It must not be the batch
        # itself: that would stay in memory for each reader that none is offered to any more.
        self._mid_picture = False
        self._dropping = False
        self._slow_since_s: float | None = None
        self._drained_since_s: float | None = None
        self.dropped_packets = 0
        self.dropped_bytes = 0
        self.stretches = 0
        self.expired = False

    @property
    def slow(self) -> bool:
        """Whether the reader is over its bounds, or waits for a key frame since it was."""
        return self._slow_since_s is not None or self._dropping

    def takes_rtcp(self, queued_bytes: int, oldest_queued_s: float) -> bool:
        """Return whether RTCP may be queued behind these bytes."""
        return (
            not self.slow and queued_bytes <= self._max_bytes and oldest_queued_s <= self._max_age_s
        )

    def note_sent(self, batch: PacketBatch) -> None:
        """Learn that `batch` was sent without asking, as `admit` would have let it pass whole."""
        self._mid_picture = not batch.ends_picture

    def break_off(self) -> None:
        """Leave out what comes up to the next key frame: what came before is broken off."""
        self._dropping = True
        self._mid_picture = False

    def admit(
        self, batch: PacketBatch, queued_bytes: int, oldest_queued_s: float, now: float
    ) -> PacketBatch | None:
        """Return what to send of `batch`: all, its head, its tail, or None for nothing.

        `queued_bytes` and `oldest_queued_s` (its age in seconds) are those of the reader's
        queue before this batch. Once something was left out, a track with key frames goes on
        only at the first packet of a key frame.
        """
        if self._slow_since_s is None and not self._dropping:
            if queued_bytes <= self._max_bytes and oldest_queued_s <= self._max_age_s:
                self._mid_picture = not batch.ends_picture
                return batch
            self._slow_since_s = now
            self.stretches += 1
            self.expired = self._must_disconnect
        sent = self._when_slow(batch, queued_bytes, oldest_queued_s, now)
        if sent is None:
            self.dropped_packets += len(batch)
            self.dropped_bytes += batch.size_bytes
        else:
            self.dropped_packets += len(batch) - len(sent)
            self.dropped_bytes += batch.size_bytes - sent.size_bytes
        return sent

    def _when_slow(
        self, batch: PacketBatch, queued_bytes: int, oldest_queued_s: float, now: float
    ) -> PacketBatch | None:
        drained = (
            queued_bytes <= self._max_bytes * _DRAINED
            and oldest_queued_s <= self._max_age_s * _DRAINED
        )
        self._note_drained(drained, now)
        if self.expired:
            return None
        if drained:
            return self._go_on(batch, now)
        return None if self._dropping else self._finish_picture(batch, queued_bytes)

    def _note_drained(self, drained: bool, now: float) -> None:
        if drained:
            self._slow_since_s = None
            if self._drained_since_s is None:
                self._drained_since_s = now
            return
        self._drained_since_s = None
        if self._slow_since_s is None:
            self._slow_since_s = now
        elif 0 < self._disconnect_s <= now - self._slow_since_s:
            self.expired = True

    def _finish_picture(self, batch: PacketBatch, queued_bytes: int) -> PacketBatch | None:
        """Begin to leave out, behind the picture whose first packets were sent."""
        begun = self._has_key_frames and self._mid_picture
        self._mid_picture = False
        self._dropping = True
        if not begun:
            return None
        if batch.picture_end:
            return batch.head(batch.picture_end)
        if queued_bytes > self._max_bytes * _OVERSHOOT:
            return None
        self._mid_picture = not batch.ends_picture
        self._dropping = False
        return batch

    def _go_on(self, batch: PacketBatch, now: float) -> PacketBatch | None:
        index = 0
        if self._dropping and self._has_key_frames and not self._waited_in_vain(now):
            index = batch.key_frame_index
            if index < 0:
                return None
        self._dropping = False
        self._drained_since_s = None
        self._mid_picture = not batch.ends_picture
        return batch.tail(index)

    def _waited_in_vain(self, now: float) -> bool:
        since_s = self._drained_since_s
        return since_s is not None and now - since_s >= self._key_frame_wait_s

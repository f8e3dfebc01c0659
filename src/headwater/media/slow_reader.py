"""What a reader gets whose queue fills up: a pure policy on bytes and age."""

from __future__ import annotations

from headwater.media.packet_batch import PacketBatch
from headwater.media.settings import MountSettings


class SlowReaderGate:
    """Decides, batch by batch, what one reader of one track gets. Knows no reader and no clock.

    Attributes:
        dropped_packets, dropped_bytes: what was left out so far.
        expired: the reader has been slow too long (or slow at all, where the policy says so)
            and should be closed; set by `admit`, which then returns None.
    """

    __slots__ = ("dropped_bytes", "dropped_packets", "expired")

    def __init__(self, settings: MountSettings, *, has_key_frames: bool) -> None:
        self.dropped_packets = 0
        self.dropped_bytes = 0
        self.expired = False

    def admit(
        self, batch: PacketBatch, queued_bytes: int, oldest_queued_s: float, now: float
    ) -> PacketBatch | None:
        """Return what to send of `batch`: all, its head, its tail, or None for nothing.

        `queued_bytes` and `oldest_queued_s` (its age in seconds) are those of the reader's
        queue before this batch. Once something was left out, a track with key frames goes on
        only at the first packet of a key frame.
        """
        return batch

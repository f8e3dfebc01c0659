"""What one wake-up of a publisher's socket brought: the unit that is fanned out, RTP or RTCP."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_MARKER = 0x80

NO_KEY_FRAME = -1

_PACKET_BYTES = 48
"""Of memory, beside its own bytes, for each packet."""
_BATCH_BYTES = 256
"""And for each batch."""


class PacketBatch:
    """Packets of one track in order of arrival, RTP or compound RTCP, sent to every reader at once.

    Attributes:
        packets: the packets, never empty; not to be changed.
        size_bytes: their lengths added up.
        arrived_s: when they came, seconds of the mount's clock.
        key_frame_index: index of the first packet of a key frame's access unit, its parameter
            sets included; `NO_KEY_FRAME` when none starts in this batch.
    """

    __slots__ = ("_built", "arrived_s", "key_frame_index", "packets", "size_bytes")

    def __init__(
        self,
        packets: list[bytes],
        arrived_s: float,
        key_frame_index: int = NO_KEY_FRAME,
        size_bytes: int | None = None,
    ) -> None:
        self.packets = packets
        self.size_bytes = sum(map(len, packets)) if size_bytes is None else size_bytes
        self.arrived_s = arrived_s
        self.key_frame_index = key_frame_index
        self._built: dict[Hashable, Any] | None = None

    def __len__(self) -> int:
        return len(self.packets)

    def shared(self, key: Hashable, build: Callable[[PacketBatch], T]) -> T:
        """Return what `build` makes of this batch, made once per `key` for all who ask.

        For encodings that many readers want alike: framed bytes, joined buffers, ciphertext.
        """
        built = self._built
        if built is None:
            built = self._built = {}
        try:
            value: T = built[key]
        except KeyError:
            value = built[key] = build(self)
        return value

    @property
    def held_bytes(self) -> int:
        """About what it takes of memory while it is kept: many small packets take much more."""
        return self.size_bytes + len(self.packets) * _PACKET_BYTES + _BATCH_BYTES

    def forget_shared(self) -> None:
        """Let go of everything built, for a batch that is kept but not being sent now."""
        self._built = None

    @property
    def ends_picture(self) -> bool:
        """Whether its last packet is the last of a picture (its marker, RFC 3550 §5.1)."""
        return self.packets[-1][1] >= _MARKER

    @property
    def picture_end(self) -> int:
        """How many packets there are up to the first picture's last one; 0 where none is here."""
        for index, packet in enumerate(self.packets):
            if packet[1] >= _MARKER:
                return index + 1
        return 0

    def tail(self, index: int) -> PacketBatch:
        """Return the batch from packet `index` on; this very batch for 0. Made once per index."""
        if index == 0:
            return self
        return self.shared(("tail", index), lambda batch: batch.between(index, len(batch.packets)))

    def head(self, count: int) -> PacketBatch:
        """Return the first `count` packets as a batch; this very batch if it has no more."""
        if count >= len(self.packets):
            return self
        return self.shared(("head", count), lambda batch: batch.between(0, count))

    @staticmethod
    def join(batches: Sequence[PacketBatch]) -> PacketBatch:
        """Return batches that followed each other as one; the very batch where it is alone."""
        if len(batches) == 1:
            return batches[0]
        packets: list[bytes] = []
        key_frame_index = NO_KEY_FRAME
        for batch in batches:
            if key_frame_index < 0 <= batch.key_frame_index:
                key_frame_index = len(packets) + batch.key_frame_index
            packets += batch.packets
        return PacketBatch(packets, batches[-1].arrived_s, key_frame_index)

    def between(self, start: int, stop: int) -> PacketBatch:
        """Return packets `start` to `stop` (exclusive) as a new batch; there must be some."""
        index = self.key_frame_index
        inside = start <= index < stop
        return PacketBatch(
            self.packets[start:stop], self.arrived_s, index - start if inside else NO_KEY_FRAME
        )

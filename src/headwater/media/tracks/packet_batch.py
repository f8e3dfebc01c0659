"""What one wake-up of a publisher's socket brought: the unit that is fanned out, RTP or RTCP."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any, TypeVar

from headwater.protocol.rtp import cut_run

T = TypeVar("T")

FRAMES_KEYS: tuple[Hashable, ...] = tuple(("$", channel) for channel in range(256))
"""Under which a batch shares its `$` frames of each channel (RFC 2326 §10.12)."""

_MARKER = 0x80

NO_KEY_FRAME = -1

_PACKET_BYTES = 48
"""Of memory, beside its own bytes, for each packet that is an object."""
_JOINED_PACKET_BYTES = 4
"""For each of those that are kept as bytes, where they are not all of one size."""
BATCH_BYTES = 256
"""And for each batch."""


class PacketBatch:
    """Packets of one track in order of arrival, RTP or compound RTCP, sent to every reader at once.

    It has its packets as objects, or as bytes back to back of which it makes objects for who asks:
    what is kept for long has bytes.

    Attributes:
        count: how many packets; never 0.
        joined: the packets back to back; None where it has objects.
        segment_bytes: the size of every joined packet but the last, which may be shorter; 0 where
            they are of different sizes.
        size_bytes: their lengths added up.
        arrived_s: when they came, seconds of the mount's clock.
        key_frame_index: index of the first packet of a key frame's access unit, its parameter
            sets included; `NO_KEY_FRAME` when none starts in this batch.
    """

    __slots__ = (
        "_built",
        "_packets",
        "_sizes",
        "arrived_s",
        "count",
        "joined",
        "key_frame_index",
        "segment_bytes",
        "size_bytes",
    )

    def __init__(
        self,
        packets: list[bytes],
        arrived_s: float,
        key_frame_index: int = NO_KEY_FRAME,
        size_bytes: int | None = None,
    ) -> None:
        self._packets: list[bytes] | None = packets
        self.count = len(packets)
        self.size_bytes = sum(map(len, packets)) if size_bytes is None else size_bytes
        self.arrived_s = arrived_s
        self.key_frame_index = key_frame_index
        self.joined: bytes | None = None
        self.segment_bytes = 0
        self._sizes: array[int] | None = None
        self._built: dict[Hashable, Any] | None = None

    @classmethod
    def of_run(
        cls,
        run: bytes,
        segment_bytes: int,
        arrived_s: float,
        key_frame_index: int = NO_KEY_FRAME,
    ) -> PacketBatch:
        """Return packets of one size back to back, the last maybe shorter, as a batch."""
        self = cls.__new__(cls)
        self._packets = None
        self.size_bytes = size_bytes = len(run)
        self.count = -(-size_bytes // segment_bytes)
        self.arrived_s = arrived_s
        self.key_frame_index = key_frame_index
        self.joined = run
        self.segment_bytes = segment_bytes
        self._sizes = None
        self._built = None
        return self

    @classmethod
    def _of_joined(
        cls, joined: bytes, sizes: Sequence[int], arrived_s: float, key_frame_index: int
    ) -> PacketBatch:
        segment_bytes = run_segment(sizes)
        if segment_bytes:
            return cls.of_run(joined, segment_bytes, arrived_s, key_frame_index)
        batch = cls([], arrived_s, key_frame_index, len(joined))
        batch._packets = None
        batch.count = len(sizes)
        batch.joined = joined
        batch._sizes = array("I", sizes)
        return batch

    def __len__(self) -> int:
        return self.count

    @property
    def packets(self) -> list[bytes]:
        """The packets, never empty; not to be changed."""
        packets = self._packets
        return self.shared("packets", PacketBatch._cut) if packets is None else packets

    def look(self) -> Iterator[bytes]:
        """Yield the packets and keep none as an object: for who looks at a few of a kept batch."""
        if self.joined is None:
            yield from self.packets
            return
        start = 0
        for size_bytes in self.sizes:
            yield self.joined[start : start + size_bytes]
            start += size_bytes

    @property
    def sizes(self) -> Sequence[int]:
        """The packets' sizes."""
        if self._sizes is not None:
            return self._sizes
        if self.joined is None:
            return list(map(len, self.packets))
        size_bytes, last = self.segment_bytes, self.count - 1
        return [size_bytes] * last + [self.size_bytes - size_bytes * last]

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

    def keep_frames(self, frames: bytes) -> None:
        """Share the `$` frames of one channel that the packets came in: they need no building."""
        self._built = {FRAMES_KEYS[frames[1]]: frames}

    @property
    def held_bytes(self) -> int:
        """About what it takes of memory while it is kept: many small packets take much more."""
        if self.joined is None:
            return self.size_bytes + self.count * _PACKET_BYTES + BATCH_BYTES
        if self._sizes is None:
            return self.size_bytes + BATCH_BYTES
        return self.size_bytes + self.count * _JOINED_PACKET_BYTES + BATCH_BYTES

    @property
    def work_bytes(self) -> int:
        """How much work it is to send it, as if all were in its bytes: small packets are more."""
        return self.size_bytes + self.count * _PACKET_BYTES + BATCH_BYTES

    def forget_shared(self) -> None:
        """Let go of everything built, for a batch that is kept but not being sent now."""
        self._built = None

    @property
    def ends_picture(self) -> bool:
        """Whether its last packet is the last of a picture (its marker, RFC 3550 §5.1)."""
        joined = self.joined
        if joined is None:
            return self.packets[-1][1] >= _MARKER
        if self._sizes is None:
            last_at = self.segment_bytes * (self.count - 1)
        else:
            last_at = self.size_bytes - self._sizes[-1]
        return joined[last_at + 1] >= _MARKER

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
        return self.shared(("tail", index), lambda batch: batch.between(index, batch.count))

    def head(self, count: int) -> PacketBatch:
        """Return the first `count` packets as a batch; this very batch if it has no more."""
        if count >= self.count:
            return self
        return self.shared(("head", count), lambda batch: batch.between(0, count))

    @staticmethod
    def join(batches: Sequence[PacketBatch]) -> PacketBatch:
        """Return batches that followed each other as one that came when the first did.

        Where it is alone, that is the very batch; several are one of bytes, the least of memory.
        """
        if len(batches) == 1:
            return batches[0]
        parts: list[bytes] = []
        sizes: list[int] = []
        key_frame_index = NO_KEY_FRAME
        for batch in batches:
            if key_frame_index < 0 <= batch.key_frame_index:
                key_frame_index = len(sizes) + batch.key_frame_index
            sizes += batch.sizes
            if batch.joined is None:
                parts += batch.packets
            else:
                parts.append(batch.joined)
        return PacketBatch._of_joined(b"".join(parts), sizes, batches[0].arrived_s, key_frame_index)

    def compact(self) -> PacketBatch:
        """Return the batch as bytes; this very one where it has them."""
        if self.joined is not None:
            return self
        packets = self.packets
        return PacketBatch._of_joined(
            b"".join(packets), self.sizes, self.arrived_s, self.key_frame_index
        )

    def between(self, start: int, stop: int) -> PacketBatch:
        """Return packets `start` to `stop` (exclusive) as a new batch; there must be some."""
        index = self.key_frame_index
        key_frame_index = index - start if start <= index < stop else NO_KEY_FRAME
        joined = self.joined
        if joined is None:
            return PacketBatch(self.packets[start:stop], self.arrived_s, key_frame_index)
        sizes = self.sizes
        start_at, within = sum(sizes[:start]), sizes[start:stop]
        part = joined[start_at : start_at + sum(within)]
        return PacketBatch._of_joined(part, within, self.arrived_s, key_frame_index)

    def _cut(self) -> list[bytes]:
        joined = self.joined
        assert joined is not None, "a batch has packets or bytes"  # noqa: S101
        if self._sizes is None:
            return cut_run(joined, self.segment_bytes)
        places = accumulate(self._sizes, initial=0)
        return [joined[start:stop] for start, stop in pairwise(places)]


def run_segment(sizes: Sequence[int]) -> int:
    """Return the one size of all packets, of which the last may be shorter; 0 where they differ."""
    first, last = sizes[0], sizes[-1]
    return first if sizes.count(first) + (0 < last < first) == len(sizes) else 0

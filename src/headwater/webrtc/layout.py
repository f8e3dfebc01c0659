"""Packets side by side in one buffer, each with a gap for the tag that encryption adds.

Made once for all peers of a mount that use the same payload type and tag: each of them copies it,
encrypts in place, and sends runs of equal packets by one call each.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

from headwater.net.segmentation import MAX_RUN_BYTES, MAX_SEGMENTS, Run

MOST_LAID_OUT_PACKETS: Final = 64
MOST_LAID_OUT_BYTES: Final = 131_072
_MARKER: Final = 0x80


class Layout:
    """Some packets of one track, ready to be encrypted.

    Attributes:
        buffer: the packets with their gaps.
        starts: where each of them begins.
        lengths: their lengths without gaps, as C ints.
        bounds: runs of equal packets: first byte, end, bytes of a segment, number of packets.
        gap_bytes: behind each packet.
        slots: what whoever encrypts needs of `starts`, kept for the next peers.
    """

    __slots__ = ("bounds", "buffer", "gap_bytes", "lengths", "slots", "starts")

    def __init__(
        self, buffer: bytes, starts: list[int], lengths: bytes, sizes: list[int], gap_bytes: int
    ) -> None:
        self.buffer = buffer
        self.starts = starts
        self.lengths = lengths
        self.bounds = _bounds(starts, sizes)
        self.gap_bytes = gap_bytes
        self.slots: list[list[Any]] = []

    @classmethod
    def of(cls, packets: Sequence[bytes], *, payload_type: int, gap_bytes: int) -> Layout:
        """Lay out at most `MOST_LAID_OUT_PACKETS` packets under a payload type.

        Raises ValueError for more, and above `MOST_LAID_OUT_BYTES`: they are copied to a place in
        memory that has room for no more, where Python does not look after it.
        """
        gap = bytes(gap_bytes)
        buffer = bytearray(gap.join([*packets, b""]))
        if len(packets) > MOST_LAID_OUT_PACKETS or len(buffer) > MOST_LAID_OUT_BYTES:
            raise ValueError(
                f"{len(packets)} packets of {len(buffer)} bytes; at most {MOST_LAID_OUT_PACKETS} "
                f"of {MOST_LAID_OUT_BYTES} are laid out together"
            )
        sizes = [len(packet) + gap_bytes for packet in packets]
        starts = [0, *accumulate(sizes[:-1])]
        for start in starts:
            buffer[start + 1] = buffer[start + 1] & _MARKER | payload_type
        lengths = array("i", map(len, packets)).tobytes()
        return cls(bytes(buffer), starts, lengths, sizes, gap_bytes)

    def runs(self) -> list[Run]:
        """Return the packets in runs, not encrypted, each with its gap."""
        return [
            Run(self.buffer[start:stop], segment, count)
            for start, stop, segment, count in self.bounds
        ]


def _bounds(starts: Sequence[int], sizes: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """Return the fewest runs, of which only the last packet may be shorter."""
    bounds: list[tuple[int, int, int, int]] = []
    first, count = 0, len(sizes)
    while first < count:
        size = sizes[first]
        limit = min(count, first + MAX_SEGMENTS, first + max(1, MAX_RUN_BYTES // size))
        stop = first + 1
        while stop < limit and sizes[stop] == size:
            stop += 1
        if stop < limit and sizes[stop] < size:
            stop += 1
        begin = starts[first]
        bounds.append((begin, starts[stop - 1] + sizes[stop - 1], size, stop - first))
        first = stop
    return bounds

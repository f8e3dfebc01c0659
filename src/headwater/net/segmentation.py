"""Plan runs of datagrams that one send with segmentation offload can carry. Pure.

The kernel cuts one buffer into datagrams of one size, of which only the last may be shorter; at
most 64 of them and 65,507 bytes (an IPv4 datagram's largest payload) go in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_SEGMENTS: Final = 64
MAX_RUN_BYTES: Final = 65_507


# Not frozen: one is made for each batch, and a frozen one takes three times as long.
@dataclass(slots=True)
class Run:
    """Datagrams of one size, the last maybe shorter, joined in one buffer."""

    buffer: bytes
    """The datagrams' payloads, back to back."""
    segment_bytes: int
    """Size of each datagram but the last."""
    count: int
    """How many datagrams the buffer holds."""

    def packets(self) -> list[bytes]:
        """Return the datagrams one by one, for sockets without segmentation offload."""
        if self.count == 1:
            return [self.buffer]
        buffer, size = self.buffer, self.segment_bytes
        return [buffer[start : start + size] for start in range(0, len(buffer), size)]


def plan_runs(
    packets: Sequence[bytes], max_segments: int = MAX_SEGMENTS, max_bytes: int = MAX_RUN_BYTES
) -> list[Run]:
    """Return `packets` as the fewest runs that keep their order.

    A packet of its own size makes a run of one, whatever its length; empty packets are left out,
    because a segment cannot be empty. `max_segments` of 1 gives one run for each packet.
    """
    runs: list[Run] = []
    start = 0
    end = len(packets)
    if 0 < end <= max_segments:
        # Mostly all are of one size, the last maybe shorter: told by calls that run in C.
        sizes = list(map(len, packets))
        size, last = sizes[0], sizes[-1]
        if size and sizes.count(size) + (0 < last < size) == end <= max_bytes // size:
            return [Run(packets[0] if end == 1 else b"".join(packets), size, end)]
    while start < end:
        size = len(packets[start])
        if size == 0:
            start += 1
            continue
        limit = min(end, start + max_segments, start + max(1, max_bytes // size))
        stop = start + 1
        last = size
        while stop < limit and last == size:
            last = len(packets[stop])
            if last == 0 or last > size:
                break
            stop += 1
        count = stop - start
        buffer = packets[start] if count == 1 else b"".join(packets[start:stop])
        runs.append(Run(buffer, size, count))
        start = stop
    return runs

"""RTP packets to be laid out and encrypted, of all mixes of sizes."""

from __future__ import annotations

from headwater.webrtc.layout import MOST_LAID_OUT_PACKETS

SIZES = {
    "one": [100],
    "equal": [1_200] * 14,
    "the last shorter": [1_200] * 5 + [90],
    "growing": [100, 200, 300],
    "mixed": [1_200, 1_200, 60, 1_200, 700, 700, 20],
    "as many as there may be": [1_300] * MOST_LAID_OUT_PACKETS,
}


def packets(sizes: list[int]) -> list[bytes]:
    """RTP packets of these sizes, the marker on the last."""
    last = len(sizes) - 1
    return [
        bytes((0x80, 0x80 * (index == last))) + index.to_bytes(2, "big") + bytes([7]) * (size - 4)
        for index, size in enumerate(sizes)
    ]

"""Where a decoded frame stands among those of its source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Counts and times since the source's beginning.

    Attributes:
        index: how many frames were decoded before it.
        pts_s: when it is shown or heard, in seconds since the first one.
        lost_packets: how many packets were lost before it.
        undecoded: how many access units before it were not decoded.
    """

    index: int
    pts_s: float
    lost_packets: int
    undecoded: int

"""What access counted since the start: plain integers that anybody may read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class AccessCounters:
    """What became of requests that needed a right."""

    granted: int = 0
    challenged: int = 0
    refused: int = 0
    forbidden: int = 0
    throttled: int = 0

"""What is counted against limits that several processes share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SharedCounts:
    """What one process counts, or several together, of what limits hold for all of them.

    Attributes:
        sessions, publishers, connections: how many there are.
        sessions_of, connections_of: by address, those of addresses with more than a few.
        readers_of: readers by path.
    """

    sessions: int = 0
    publishers: int = 0
    connections: int = 0
    sessions_of: Mapping[str, int] = field(default_factory=dict)
    connections_of: Mapping[str, int] = field(default_factory=dict)
    readers_of: Mapping[str, int] = field(default_factory=dict)


NOTHING_ELSEWHERE = SharedCounts()

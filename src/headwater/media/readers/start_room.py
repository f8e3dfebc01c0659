"""Whether readers that begin may have kept packets first, which then wait for them."""

from __future__ import annotations

import sys
from collections.abc import Callable

from headwater.media.readers.convoy import MOST_QUEUED_BYTES


def _nothing() -> int:
    return 0


class StartRoom:
    """What waits for the readers of all mounts, and a bound for those who begin.

    Who is on the way to the live packets already goes on. It counts with what its queue will be
    filled up to, so that a crowd that comes at one moment meets the bound as well.

    Attributes:
        most_bytes: the bound.
        on_way: how many readers with a queue of their own are on their way.
        refusals: how often a reader had to begin with live packets.
    """

    __slots__ = ("_waiting_bytes", "most_bytes", "on_way", "refusals")

    def __init__(
        self, most_bytes: int = sys.maxsize, waiting_bytes: Callable[[], int] = _nothing
    ) -> None:
        """`waiting_bytes` tells what waits in the queues of all readers."""
        self.most_bytes = most_bytes
        self.on_way = 0
        self.refusals = 0
        self._waiting_bytes = waiting_bytes

    @property
    def full(self) -> bool:
        """Whether a reader that begins has to do without kept packets."""
        return self._waiting_bytes() + self.on_way * MOST_QUEUED_BYTES >= self.most_bytes

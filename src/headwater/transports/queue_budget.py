"""How much may be queued for many connections together."""

from __future__ import annotations

from headwater.net.stream import QueuedTotal


class QueueBudget:
    """The bytes in the queues of some connections, those that readers play on for one, and a bound.

    Whoever has something queued already asks before it adds more; who has nothing does not, so
    the bound may be passed by one batch for each reader.

    Attributes:
        queued: what these connections count their queues in.
        most_bytes: the bound.
        refusals: how often a batch or a request met the bound.
    """

    __slots__ = ("most_bytes", "queued", "refusals")

    def __init__(self, most_bytes: int) -> None:
        self.queued = QueuedTotal()
        self.most_bytes = most_bytes
        self.refusals = 0

    @property
    def spent(self) -> bool:
        """Whether more is queued than may be."""
        return self.queued.size_bytes > self.most_bytes

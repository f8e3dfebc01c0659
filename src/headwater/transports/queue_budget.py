"""How much may be queued for all readers together."""

from __future__ import annotations


class QueueBudget:
    """Whether the queues of all readers together are above their bound.

    Whoever counts them sets `exhausted`; outlets only read it, on their way past.
    """

    __slots__ = ("exhausted",)

    def __init__(self) -> None:
        self.exhausted = False

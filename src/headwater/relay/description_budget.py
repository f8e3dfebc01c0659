"""How much the descriptions of all publishers may take together."""

from __future__ import annotations

from headwater.protocol.sdp import SessionDescription
from headwater.relay.end import End
from headwater.relay.errors import LimitReached


class DescriptionBudget:
    """The bytes of the descriptions of all publishers, each for as long as its publisher lives.

    Attributes:
        most_bytes: what all of them may take.
        size_bytes: what all of them take now.
        left_bytes: what went with publishers that ended, since the start.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._held: dict[str, int] = {}
        self.size_bytes = 0
        self.left_bytes = 0

    def give(self, end: End, presentation: SessionDescription) -> None:
        """Let a publisher have a description instead of the one that it had, if any.

        Raises LimitReached where all of them would take too much.
        """
        size_bytes = presentation.size_bytes
        grown_bytes = self.size_bytes - self._held.get(end.id, 0) + size_bytes
        if grown_bytes > self.most_bytes:
            raise LimitReached(
                "limits.description_bytes_total",
                "the descriptions of all publishers together would take more than "
                f"limits.description_bytes_total ({self.most_bytes} bytes)",
            )
        self._held[end.id] = size_bytes
        self.size_bytes = grown_bytes

    def take_back(self, end: End) -> None:
        """Forget what a publisher had; one that had nothing is no error."""
        held_bytes = self._held.pop(end.id, 0)
        self.size_bytes -= held_bytes
        self.left_bytes += held_bytes

"""How much the descriptions of all publishers may take together."""

from __future__ import annotations

from headwater.protocol.sdp import SessionDescription
from headwater.protocol.status import Status
from headwater.server.refusal import Refusal
from headwater.server.session import Session


class DescriptionBudget:
    """The bytes of the descriptions that sessions have announced, as long as these sessions live.

    Attributes:
        size_bytes: what all of them take now.
        left_bytes: what went with sessions that ended, since the start.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held: dict[str, int] = {}
        self.size_bytes = 0
        self.left_bytes = 0

    def give(self, session: Session, presentation: SessionDescription) -> None:
        """Let a session have a description instead of the one that it had, if any.

        Raises Refusal, 503, where all of them would take too much.
        """
        size_bytes = presentation.size_bytes
        grown_bytes = self.size_bytes - self._held.get(session.id, 0) + size_bytes
        if grown_bytes > self._most_bytes:
            raise Refusal(
                Status.SERVICE_UNAVAILABLE,
                "the descriptions of all publishers together would take more than "
                f"limits.description_bytes_total ({self._most_bytes} bytes)",
                [("Retry-After", "5")],
                setting="limits.description_bytes_total",
            )
        self._held[session.id] = size_bytes
        self.size_bytes = grown_bytes
        session.presentation = presentation

    def take_back(self, session: Session) -> None:
        """Forget what a session had; one that had nothing is no error."""
        held_bytes = self._held.pop(session.id, 0)
        self.size_bytes -= held_bytes
        self.left_bytes += held_bytes

"""Who is served by an outlet, as the outlet sees them."""

from __future__ import annotations

from typing import Protocol


class DeliveryOwner(Protocol):
    """Whoever is served by an outlet and ends when it cannot be."""

    def expire(self) -> None:
        """Be closed, later, for having been slow too long."""

    def fail(self, error: Exception) -> None:
        """Be closed because delivery broke."""

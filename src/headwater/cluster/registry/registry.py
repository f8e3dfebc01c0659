"""What a node asks of the registry, whichever engine keeps it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Protocol

from headwater.cluster.leases import Tenure
from headwater.cluster.registry.records import (
    Ask,
    BeatAnswer,
    Lease,
    News,
    NodeRecord,
    Refused,
)

LEASE_TTL_S: Final = 9.0
"""How long a node that says nothing keeps what it has."""
BEAT_S: Final = LEASE_TTL_S / 3
"""How often it says that it lives."""


class RegistryGone(Exception):  # noqa: N818 - named after what happened
    """The registry did not answer, or cannot do what it is for; the message says what it said."""


class Registry(Protocol):
    """Leases of paths and records of nodes. Every call raises RegistryGone, and waits only so long.

    It is atomic: of two nodes that claim a path at the same moment, one gets it.
    """

    @property
    def unreached(self) -> bool:
        """Whether the last question did not get as far as the registry, which may be well."""

    async def join(self, record: NodeRecord) -> None:
        """Enter a node, in place of an earlier process of the same name."""

    async def leave(self, name: str, life: str) -> None:
        """Remove a node that ends."""

    async def beat(self, record: NodeRecord, tenures: Sequence[Tenure]) -> BeatAnswer:
        """Renew a node and all it holds, in one go, and hear of the other nodes."""

    async def claim(self, node: NodeRecord, asks: Sequence[Ask]) -> list[Tenure | Refused]:
        """Have paths for a node, each or not, in one go."""

    async def mark_ready(self, tenure: Tenure) -> bool:
        """Note that a path is filled, and tell of it; False where the tenure is lost."""

    async def release(self, tenure: Tenure) -> bool:
        """End a tenure, and tell of it; one of another epoch is left alone, and False returned."""

    async def look_up(self, paths: Sequence[str]) -> dict[str, Lease | None]:
        """Return who has each of the paths."""

    async def tell(self, news: News) -> None:
        """Tell all nodes something."""

    async def listen(self, on_news: Callable[[News], None], on_begun: Callable[[], None]) -> None:
        """Hear what is told, until cancelled or the registry is gone.

        `on_begun` is called when nothing is missed any more: what was told before is not heard.
        """

    async def nodes(self) -> tuple[NodeRecord, ...]:
        """Return all nodes that live."""

    async def close(self) -> None:
        """Let go of all connections."""


class ShownRegistry(Registry, Protocol):
    """What people ask of it as well."""

    def leases(self) -> AsyncIterator[Lease]:
        """Yield all leases, some of which may come or go meanwhile."""

    async def order_drain(self, name: str, *, drain: bool) -> bool:
        """Order a node to drain, or to serve again; False where there is no such node."""

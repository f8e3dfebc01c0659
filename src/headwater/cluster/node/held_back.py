"""What a node, or its supervisor, that stood still keeps to itself: others may have the paths."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from headwater.cluster.node.fence import Fence
from headwater.cluster.node.holding import Held, Holding
from headwater.cluster.node.settings import RegistryLoss
from headwater.log_pace import paced_logger
from headwater.media.clock import Clock
from headwater.media.mount import Mount

logger = paced_logger(__name__)

_SILENT_S: Final = 2.0
"""So long a supervisor says nothing where it stands still."""


class HeldBack:
    """Lets nothing out by stale claims until somebody knows who has the paths."""

    def __init__(
        self,
        node: str,
        mount_of: Callable[[str], Mount | None],
        holding: Holding,
        clock: Clock,
        on_lost: Callable[[Held, str], None],
    ) -> None:
        """`clock` is that of the claims; `on_lost` ends what was published by one."""
        self._node = node
        self._mount_of = mount_of
        self._holding = holding
        self._clock = clock
        self._on_lost = on_lost
        self._fence = Fence()
        self._heard_s = clock()

    def __len__(self) -> int:
        """Return how many mounts wait."""
        return len(self._fence)

    def stood_still(self) -> bool:
        """Hold back what another node may have by now; return whether that is anything."""
        return self._hold_back(self._holding.stale())

    def hear(self) -> None:
        """Note that the supervisor speaks, as it does to each of its workers once a second."""
        self._heard_s = self._clock()

    async def watch_supervisor(self, lease_s: float) -> None:
        """Let nothing more out in time before claims end that a silent supervisor cannot renew."""
        self.hear()
        while True:
            await asyncio.sleep(lease_s / 12)
            if self._clock() - self._heard_s < _SILENT_S:
                continue
            was_open = not len(self._fence)
            if self._hold_back(self._holding.stale(lease_s / 4)) and was_open:
                logger.error(
                    "the supervisor says nothing, what is published here waits",
                    extra={"node": self._node, "mounts": len(self._fence)},
                )

    def let_out(self) -> None:
        """Go on: the registry has said which claims are good."""
        self._fence.open_all()

    def go_on_without_registry(self) -> None:
        """Go on by what the settings say: nobody can tell whether another has the paths."""
        if not len(self._fence):
            return
        if self._holding.on_loss is RegistryLoss.REFUSE:
            for held in self._holding.stale():
                if self._holding.forget(held):
                    self._on_lost(held, "it stood still, and nobody can say who has the path")
        self._fence.open_all()

    def _hold_back(self, stale: Iterable[Held]) -> bool:
        mounts = [self._mount_of(held.tenure.path) for held in stale]
        for mount in mounts:
            if mount is not None:
                self._fence.shut(mount)
        return bool(mounts)

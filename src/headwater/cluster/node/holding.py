"""What one node holds: claimed, renewed and, where it must be, given up."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from headwater.cluster.leases import Tenure
from headwater.cluster.node.settings import RegistryLoss
from headwater.cluster.registry.records import (
    Ask,
    BeatAnswer,
    Change,
    How,
    News,
    NodeRecord,
    Refused,
)
from headwater.cluster.registry.registry import Registry, RegistryGone
from headwater.log_pace import paced_logger
from headwater.media.errors import MountBusy

logger = paced_logger(__name__)

UNCLAIMED: Final = 0
"""The epoch of what began while the registry was gone, until it has been claimed."""
_TRIES: Final = 5
_TRY_AGAIN_S: Final = 0.2
"""A publisher that comes back at once may be faster than the news of its end."""
_RESTORED_AT_ONCE: Final = 500


@dataclass(slots=True, eq=False)
class Held:
    """A path that the node holds.

    Attributes:
        tenure: its claim.
        good_until_s: until when nobody else can have it, by the node's clock.
        ready: whether it is filled.
    """

    tenure: Tenure
    good_until_s: float
    ready: bool = False


class Holding:
    """The claims of one node, and the sign of life that renews them.

    It gives up a path only where the registry says that another node has it: a registry that does
    not answer takes nothing away. Whether a claim may be older than its time, because the process
    stood still, is told by `stale`.

    `clock` must go on while the process stands still. `record` tells of the node. `on_lost` is
    told of a claim that is lost, after it is gone from here.
    """

    def __init__(
        self,
        registry: Registry,
        record: Callable[[], NodeRecord],
        clock: Callable[[], float],
        on_lost: Callable[[Held, str], None],
        *,
        lease_s: float,
        on_loss: RegistryLoss = RegistryLoss.SERVE,
    ) -> None:
        self.on_loss = on_loss
        """May be changed at any time."""
        self.replaced = False
        """Whether another process has the node's name: what it claims would be that one's."""
        self.gone_since_s: float | None = None
        """Since when the registry does not answer; None while it does."""
        self._registry = registry
        self._record = record
        self._clock = clock
        self._on_lost = on_lost
        self._lease_s = lease_s
        self._held: dict[str, Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    def of(self, path: str) -> Held | None:
        """Return what the node holds of a path."""
        return self._held.get(path)

    def all(self) -> tuple[Held, ...]:
        """Return all that it holds."""
        return tuple(self._held.values())

    def stale(self, within_s: float = 0.0) -> list[Held]:
        """Return the claims that another node may have by now, or `within_s`."""
        now = self._clock() + within_s
        return [held for held in self._held.values() if now > held.good_until_s]

    async def claim(self, path: str, *, replaces: bool = False, tries: int = _TRIES) -> Held:
        """Have a path. Raises MountBusy where another node has it, or nobody can say."""
        if self.replaced:
            raise MountBusy("another process has the name of this node, which can have no path")
        how = How.REPLACE if replaces else How.FREE
        holder = ""
        for attempt in range(tries):
            if attempt:
                await asyncio.sleep(_TRY_AGAIN_S)
            sent_s = self._clock()
            try:
                [answer] = await self._registry.claim(self._record(), [Ask(path, how)])
                if isinstance(answer, Refused):
                    holder = answer.holder
                    if attempt + 1 == tries:
                        break
                    await self._registry.tell(News(Change.WAY, Tenure(path, holder, answer.epoch)))
                    continue
            except RegistryGone as error:
                answer = self._unclaimed(path, error)
                sent_s = math.inf
            held = self._held[path] = Held(answer, sent_s + self._lease_s)
            return held
        raise MountBusy(f"{path} has a publisher already, at the node {holder}")

    async def mark_ready(self, held: Held) -> None:
        """Tell that a path is filled."""
        held.ready = True
        if held.tenure.epoch == UNCLAIMED:
            return
        try:
            # Where it is not there the next beat says whether another has it.
            await self._registry.mark_ready(held.tenure)
        except RegistryGone as error:
            self._note_gone(error)

    def forget(self, held: Held) -> bool:
        """Hold it no more, from this moment; returns whether it was held."""
        if self._held.get(held.tenure.path) is not held:
            return False
        del self._held[held.tenure.path]
        return True

    async def release(self, held: Held) -> None:
        """Let others have it; to be called once it is forgotten."""
        if held.tenure.epoch == UNCLAIMED:
            return
        try:
            await self._registry.release(held.tenure)
        except RegistryGone as error:
            self._note_gone(error)  # it ends by itself

    async def beat(self) -> BeatAnswer | None:
        """Renew all in one go, and restore what the registry has forgotten; None where it is gone.

        What is forgotten or claimed anew while the answer is on its way is left alone.
        """
        sent_s = self._clock()
        renewed = [held.tenure for held in self._held.values() if held.tenure.epoch != UNCLAIMED]
        try:
            answer = await self._registry.beat(self._record(), renewed)
            self.replaced = answer.replaced
            if answer.replaced:
                self._lose([held.tenure for held in self.all()], "the name of this one")
                return answer
            self._renew(set(renewed).difference(answer.lost, answer.missing), sent_s)
            # What another node has may be a claim below this one, made without the registry.
            await self._restore([*answer.missing, *answer.lost])
        except RegistryGone as error:
            self._note_gone(error)
            return None
        if self.gone_since_s is not None:
            self.gone_since_s = None
            logger.info("the registry is back", extra={"mounts": len(self._held)})
        return answer

    def _renew(self, tenures: Iterable[Tenure], sent_s: float) -> None:
        for tenure in tenures:
            held = self._held.get(tenure.path)
            if held is not None and held.tenure == tenure:
                held.good_until_s = max(held.good_until_s, sent_s + self._lease_s)

    def _lose(self, tenures: Iterable[Tenure], what: str) -> None:
        for tenure in tenures:
            held = self._held.get(tenure.path)
            if held is not None and held.tenure == tenure and self.forget(held):
                self._on_lost(held, f"another node has {what} now")

    async def _restore(self, tenures: Iterable[Tenure]) -> None:
        """Claim again what the registry has forgotten, and at last what it never knew of.

        What another node has by a later claim is lost.
        """
        asks = [
            (held, Ask(tenure.path, How.RESTORE, tenure.epoch, held.ready))
            for tenure in tenures
            if (held := self._held.get(tenure.path)) is not None and held.tenure == tenure
        ]
        asks += [
            (held, Ask(path, How.LATE, 0, held.ready))
            for path, held in self._held.items()
            if held.tenure.epoch == UNCLAIMED
        ]
        for first in range(0, len(asks), _RESTORED_AT_ONCE):
            some = asks[first : first + _RESTORED_AT_ONCE]
            sent_s = self._clock()
            answers = await self._registry.claim(self._record(), [ask for _, ask in some])
            for (held, ask), answer in zip(some, answers, strict=True):
                await self._restored(held, ask, answer, sent_s)

    async def _restored(
        self, held: Held, ask: Ask, answer: Tenure | Refused, sent_s: float
    ) -> None:
        if isinstance(answer, Refused):
            self._lose([held.tenure], "the path")
        elif self._held.get(ask.path) is not held:
            # Its publisher left, or another came, while this was on its way.
            present = self._held.get(ask.path)
            if present is None or present.tenure.epoch != answer.epoch:
                await self._registry.release(answer)
        else:
            held.tenure = answer
            held.good_until_s = sent_s + self._lease_s

    def _unclaimed(self, path: str, error: RegistryGone) -> Tenure:
        self._note_gone(error)
        if self.on_loss is RegistryLoss.REFUSE:
            raise MountBusy(
                f"the cluster's registry does not answer, so that nobody can say whether {path} "
                "is free; try again later"
            )
        return Tenure(path, self._record().name, UNCLAIMED)

    def _note_gone(self, error: RegistryGone) -> None:
        if self.gone_since_s is None:
            self.gone_since_s = self._clock()
            logger.error(
                "the registry is gone, what plays goes on",
                extra={"cause": str(error), "mounts": len(self._held)},
            )

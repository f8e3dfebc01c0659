"""Who may fill which path, decided in one place: pure, and told the time.

A claim goes through two steps. ANNOUNCE claims: the path is announced. RECORD takes: the path is
filled. Each claim has an epoch of its own, which only grows; whoever names an older one has lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field

DEFAULT_TTL_S = 9.0
"""How long a holder that says nothing keeps what it has. It should speak three times as often."""


@dataclass(frozen=True, slots=True)
class Tenure:
    """A holder's claim on a path.

    Attributes:
        path: which.
        holder: the name of the worker or node.
        epoch: its number, which no other claim has or had.
    """

    path: str
    holder: str
    epoch: int


@dataclass(slots=True)
class _Place:
    """A path's claims: who fills it, and who is about to."""

    filled: Tenure | None = None
    announced: Tenure | None = None
    # The epochs of those that yield.
    yielding: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a take: whether it holds, and who has lost the path by it."""

    granted: bool
    loser: Tenure | None = None


class Leases:
    """The claims on all paths, and until when each holder keeps its own.

    Only the holder of a claim ends it, by name and epoch, or its silence does.
    """

    def __init__(self, ttl_s: float = DEFAULT_TTL_S) -> None:
        self._ttl_s = ttl_s
        self._places: dict[str, _Place] = {}
        self._until_s: dict[str, float] = {}
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._places)

    def renew(self, holder: str, now: float) -> bool:
        """Note that a holder lives; False where it has lost all it had, or never had anything."""
        if now > self._until_s.get(holder, float("-inf")):
            return False
        self._until_s[holder] = now + self._ttl_s
        return True

    def enter(self, holder: str, now: float) -> None:
        """Take in a holder that begins, with nothing."""
        self.forget(holder)
        self._until_s[holder] = now + self._ttl_s

    def claim(
        self,
        path: str,
        holder: str,
        now: float,
        *,
        replaces: bool = False,
        yields: bool = False,
    ) -> Tenure | None:
        """Give a path to a holder that is about to fill it; None where another has it.

        What a holder has claimed before is no obstacle to it: in its own process it has judged
        already. With `replaces` nobody's claim is. A claim that `yields` is none to any other, and
        is refused where any other is.
        """
        if now > self._until_s.get(holder, float("-inf")):
            return None
        place = self._places.get(path)
        if place is not None and not replaces:
            present = [each for each in (place.filled, place.announced) if each is not None]
            if yields and any(each.epoch not in place.yielding for each in present):
                return None
            if any(
                each.holder != holder and (yields or each.epoch not in place.yielding)
                for each in present
            ):
                return None
        self._epoch += 1
        tenure = Tenure(path, holder, self._epoch)
        place = self._places.setdefault(path, _Place())
        place.announced = tenure
        if yields:
            place.yielding.add(tenure.epoch)
        return tenure

    def take(self, tenure: Tenure) -> Taken:
        """Note that a holder fills the path from now on; not granted where a later claim is there.

        `loser` is who filled it until now, if that was another holder.
        """
        place = self._places.get(tenure.path)
        if place is None:
            return Taken(granted=False)
        if place.filled == tenure:
            return Taken(granted=True)
        if place.announced != tenure:
            return Taken(granted=False)
        before, place.filled, place.announced = place.filled, tenure, None
        return Taken(True, before if before and before.holder != tenure.holder else None)

    def release(self, tenure: Tenure) -> bool:
        """End a claim; one of another epoch is left alone, and False is returned."""
        place = self._places.get(tenure.path)
        if place is None or tenure not in (place.filled, place.announced):
            return False
        self._remove(place, tenure)
        return True

    def find(self, path: str) -> Tenure | None:
        """Return who fills a path; who is about to, where nobody does."""
        place = self._places.get(path)
        return None if place is None else place.filled or place.announced

    def holds(self, tenure: Tenure) -> bool:
        """Return whether a claim is good."""
        place = self._places.get(tenure.path)
        return place is not None and tenure in (place.filled, place.announced)

    def forget(self, holder: str) -> list[Tenure]:
        """End all claims of a holder that is gone; returns those that filled their paths."""
        self._until_s.pop(holder, None)
        lost: list[Tenure] = []
        for place in tuple(self._places.values()):
            for tenure in (place.filled, place.announced):
                if tenure is not None and tenure.holder == holder:
                    if tenure is place.filled:
                        lost.append(tenure)
                    self._remove(place, tenure)
        return lost

    def silent(self, now: float) -> list[str]:
        """Return the holders whose time is over: to be stopped, and then forgotten."""
        return [holder for holder, until_s in self._until_s.items() if now > until_s]

    def _remove(self, place: _Place, tenure: Tenure) -> None:
        if place.filled == tenure:
            place.filled = None
        if place.announced == tenure:
            place.announced = None
        if place.filled is None and place.announced is None:
            del self._places[tenure.path]

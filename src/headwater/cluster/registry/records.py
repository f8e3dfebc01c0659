"""What the registry holds: leases of paths, records of nodes, and the news of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final, Self

from headwater.cluster.leases import Tenure

LATE_EPOCHS: Final = 1 << 40
"""Epochs of claims that were made without the registry are below; all others, which are
milliseconds since 1970, are above: in a conflict whoever asked the registry goes first."""


class How(StrEnum):
    """In which case a node claims a path."""

    FREE = "free"
    """If nobody else has it."""
    REPLACE = "replace"
    """From whoever has it: the settings of the path have a later publisher replace an earlier."""
    RESTORE = "restore"
    """By an epoch that the node has, and that the registry may have lost."""
    LATE = "late"
    """For what began while the registry was gone, if nobody else has it."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who has a path.

    Attributes:
        tenure: the node and its epoch.
        url: where other nodes reach the node.
        public_url: where readers reach it.
        ready: whether the path is filled; else its publisher or its source is about to.
    """

    tenure: Tenure
    url: str
    public_url: str
    ready: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """A claim that a node makes.

    Attributes:
        path: of what.
        how: in which case.
        epoch, ready: those of what is restored.
    """

    path: str
    how: How
    epoch: int = 0
    ready: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A claim was not granted: another node has the path."""

    holder: str
    epoch: int


class NodeState(StrEnum):
    """Whether a node takes new mounts."""

    SERVING = "serving"
    DRAINING = "draining"

    @classmethod
    def of(cls, text: str) -> Self:
        """Read one; a node in a state of another version is given nothing new."""
        return next((state for state in cls if state == text), cls.DRAINING)


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeRecord:
    """What a node tells of itself, every few seconds.

    Attributes:
        name: what others call it.
        life: other for each start of its process.
        url: where other nodes reach it.
        public_url: where readers reach it.
        state: whether it takes new mounts.
        version: of Headwater.
        busy_share: the share of its cores that it uses, one for each worker, 0.0 to 1.0.
        mounts: how many paths it holds.
        pulls: how many it takes from other nodes.
        readers: how many read there, other nodes not counted.
        workers: how many processes it is.
        started_s: when its process began, seconds since 1970.
        left_ms: for how long the registry still takes it for alive; the registry tells it.
    """

    name: str
    life: str
    url: str
    public_url: str
    state: NodeState = NodeState.SERVING
    version: str = ""
    busy_share: float = 0.0
    mounts: int = 0
    pulls: int = 0
    readers: int = 0
    workers: int = 1
    started_s: float = 0.0
    left_ms: int = 0

    def to_fields(self) -> list[str]:
        """Return names and values in turn, as the registry keeps them."""
        flat: list[str] = []
        for spec in fields(self):
            if spec.name != _LEFT:
                flat += (spec.name, str(getattr(self, spec.name)))
        return flat

    @classmethod
    def of(cls, found: Mapping[str, str]) -> Self:
        """Read what the registry has; what another version does not tell is left as it is.

        Raises ValueError for what is no record.
        """
        taken: dict[str, Any] = {}
        for spec in fields(cls):
            if spec.name in found:
                taken[spec.name] = _KINDS.get(spec.name, str)(found[spec.name])
        if missing := _REQUIRED.difference(taken):
            raise ValueError(f"it does not tell {', '.join(sorted(missing))}")
        return cls(**taken)


_LEFT: Final = "left_ms"
_REQUIRED: Final = frozenset({"name", "life", "url", "public_url"})
_KINDS: Final[Mapping[str, Any]] = {
    "state": NodeState.of,
    "busy_share": float,
    "left_ms": int,
    "mounts": int,
    "pulls": int,
    "readers": int,
    "workers": int,
    "started_s": float,
}


def can_host(node: NodeRecord) -> bool:
    """Return whether a node may be given a mount: asked of new picks and of old ones alike."""
    return node.state is NodeState.SERVING


class Change(StrEnum):
    """What happened to a path."""

    UP = "up"
    """A node has claimed it."""
    READY = "ready"
    """It is filled."""
    DOWN = "down"
    """The node has let go of it."""
    WAY = "way"
    """Another node has a publisher for it: is the one of the holder still there?"""


@dataclass(frozen=True, slots=True)
class News:
    """What one node tells all others. It may be lost: what counts is the lease."""

    change: Change
    tenure: Tenure

    def to_text(self) -> str:
        """Return it as it is sent; the path, which may have blanks, comes last."""
        tenure = self.tenure
        return f"{self.change} {tenure.epoch} {tenure.holder} {tenure.path}"

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Read it; None for what another version may say."""
        try:
            change, epoch, holder, path = text.split(" ", 3)
            return cls(Change(change), Tenure(path, holder, int(epoch)))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class BeatAnswer:
    """What the registry says to a node's sign of life.

    Attributes:
        replaced: whether another process has the node's name: this one is not a node any more.
        drain: whether somebody has ordered the node to drain.
        lost: of the tenures that were to be renewed, those that another node has now.
        missing: those that nobody has: the registry has forgotten them.
        nodes: all nodes that live.
    """

    replaced: bool
    drain: bool
    lost: tuple[Tenure, ...]
    missing: tuple[Tenure, ...]
    nodes: tuple[NodeRecord, ...]

"""What is shown of one path, and of the server as a whole: plain values, fit for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from headwater.control.board.trouble import Trouble
from headwater.control.server_state import ServerState
from headwater.control.status import NodeStatus, WorkerStatus


class CardState(StrEnum):
    """What a path does at the moment."""

    LIVE = "live"
    """It has a publisher, and packets come."""
    SILENT = "silent"
    """It has a publisher that sends nothing."""
    WAITING = "waiting"
    """Its publisher is gone, and readers wait for it."""
    STARTING = "starting"
    """Its source is being opened."""
    DOWN = "down"
    """Its source cannot be had; it is tried again."""
    IDLE = "idle"
    """Its source is fetched when somebody asks."""


@dataclass(frozen=True, slots=True)
class PublisherCard:
    """Who publishes."""

    id: str
    kind: str
    peer: str
    user: str
    user_agent: str
    transport: str


@dataclass(frozen=True, slots=True)
class SourceCard:
    """What the server fetches the path from, without passwords."""

    url: str
    on_demand: bool
    error: str


@dataclass(frozen=True, slots=True)
class Card:
    """One path. `since_s`, of the server's clock, is when the mount opened.

    Rates are of the last seconds, losses of the last half minute; they are rounded, so that they
    stay the same while nothing changes.
    """

    path: str
    state: CardState
    codecs: tuple[str, ...]
    has_pictures: bool
    publisher: PublisherCard | None
    source: SourceCard | None
    readers: int
    since_s: float | None
    bits_per_s: int
    lost_share: float
    lost_packets: int
    missed_packets: int
    key_frame_distance_s: float | None
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True)
class ServerCard:
    """The server as a whole. `started_s` belongs to its clock, as `clock_s` does."""

    version: str
    state: ServerState
    clock_s: float
    started_s: float
    live: int
    readers: int
    bits_in_per_s: int
    bits_out_per_s: int
    connections: int
    memory_bytes: int
    workers: tuple[WorkerStatus, ...]
    nodes: tuple[NodeStatus, ...]
    troubles: tuple[Trouble, ...]


def rounded(value: float, digits: int = 2) -> int:
    """Return a number with so many digits that count."""
    whole = int(value)
    return int(round(whole, digits - len(str(whole)))) if whole else 0

"""A server in figures: all that is counted, and of its long lists only how long they are.

A list of ten thousand snapshots that lives for a second has Python look through all of its memory
for garbage, which holds the event loop for some hundred milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headwater.control.status import ServerStatus
from headwater.histogram import Histogram
from headwater.media.snapshot import MountSnapshot


@dataclass(frozen=True, slots=True)
class MountFigures:
    """A mount without a list of its readers.

    Attributes:
        mount: the mount; what its readers missed is counted in it.
        readers: how many there are.
        queued_bytes: what waits for all of them.
    """

    mount: MountSnapshot
    readers: int
    queued_bytes: int


@dataclass(frozen=True, slots=True)
class Timed:
    """How long something took.

    Attributes:
        name: of the metric.
        doc: what it is.
        histogram: the seconds.
        labels: of which one of several it is.
    """

    name: str
    doc: str
    histogram: Histogram
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CalloutFigures:
    """What was asked of the owner's web servers, and told them, by what became of it."""

    webhook_events: Mapping[str, int]
    webhook_waiting: int
    questions: Mapping[str, int]
    key_fetches: int


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """A server as it was at one moment.

    Attributes:
        status: what is counted; its lists of mounts, sessions, sources and sockets are empty.
        mounts: the mounts.
        publishers, readers: how many sessions there are of each side.
        live_sources, waiting_sources: paths that are fetched, and those that should be.
        timed: how long things took.
        callouts: None where the settings have no server of the owner's.
    """

    status: ServerStatus
    mounts: tuple[MountFigures, ...]
    publishers: int
    readers: int
    live_sources: int
    waiting_sources: int
    timed: tuple[Timed, ...] = ()
    callouts: CalloutFigures | None = None

"""A server in figures: all that is counted, and of its long lists only how long they are.

A list of ten thousand snapshots that lives for a second has Python look through all of its memory
for garbage, which holds the event loop for some hundred milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from headwater.control.status import ServerStatus
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
class ServerFigures:
    """A server as it was at one moment.

    Attributes:
        status: what is counted; its lists of mounts, sessions, sources and sockets are empty.
        mounts: the mounts.
        publishers, readers: how many sessions there are of each side.
        live_sources, waiting_sources: paths that are fetched, and those that should be.
    """

    status: ServerStatus
    mounts: tuple[MountFigures, ...]
    publishers: int
    readers: int
    live_sources: int
    waiting_sources: int

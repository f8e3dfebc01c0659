"""What the board is made of: as much of a server as its cards and warnings need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass

from headwater.control.status import ServerStatus
from headwater.media.snapshot import MountSnapshot
from headwater.relay.end import SessionSnapshot
from headwater.side import Side
from headwater.sources.snapshot import SourceSnapshot

_SESSIONS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class BoardLook:
    """A server at one moment.

    Attributes:
        status: what is counted; nobody looks at its long lists.
        mounts: the mounts; of their readers only what they missed.
        publishers: by their ids.
        readers: how many there are of each path. What the server itself reads, to decode or to
            record, is no reader to people; and all that watch by WebRTC share one reader of the
            mount, but are counted.
        sources: what is fetched.
    """

    status: ServerStatus
    mounts: tuple[MountSnapshot, ...]
    publishers: Mapping[str, SessionSnapshot]
    readers: Mapping[str, int]
    sources: tuple[SourceSnapshot, ...]


def look_at(status: ServerStatus) -> Generator[None, None, BoardLook]:
    """Return the same of a whole status, in steps of well under a millisecond."""
    publishers: dict[str, SessionSnapshot] = {}
    readers: Counter[str] = Counter()
    for number, session in enumerate(status.sessions, 1):
        if session.role is Side.PLAY:
            readers[session.path] += 1
        else:
            publishers[session.id] = session
        if number % _SESSIONS_AT_ONCE == 0:
            yield
    return BoardLook(status, status.mounts, publishers, readers, status.sources)

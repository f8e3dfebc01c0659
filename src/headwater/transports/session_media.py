"""What every end of an RTSP session has in common: who it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class SessionIdentity:
    """Who is at the other end of a session, for logs, snapshots and sockets.

    `address_block` stands for its address where addresses are counted. `on_close` is told the
    reason when the mount sends the session away. `is_orphaned` tells whether the session's RTSP
    connection is gone.
    """

    id: str
    peer: str
    peer_ip: str
    address_block: str
    local_ip: str
    user_agent: str
    on_close: Callable[[str], None]
    on_life: Callable[[], None]
    is_orphaned: Callable[[], bool] = _never


class SessionMedia(ABC):
    """A publisher or reader that an RTSP session stands for, by its identity and transport."""

    def __init__(self, identity: SessionIdentity, transport: str) -> None:
        self.identity = identity
        self.id = identity.id
        self.peer = identity.peer
        self.user_agent = identity.user_agent
        self.transport = transport

    @property
    @abstractmethod
    def track_indexes(self) -> Sequence[int]:
        """The tracks that are set up."""

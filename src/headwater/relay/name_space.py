"""Who has which path: this process alone, or several that share one name space."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from headwater.net.event_loop import EventLoop
from headwater.net.tcp_listener import OnConnection, PortListener, TcpListener
from headwater.relay.end import End


class NameSpace(Protocol):
    """What the relay asks about paths beyond its own mounts.

    A publisher is known by its id. Whoever calls `claim` has reserved the path in this process
    before, without waiting for anything in between. A name space that has other processes in it
    watches mounts (`Relay.watch_mounts`), and is asked for those that are not here
    (`MountFinding.add_first`).
    """

    shares_ports: bool
    """Whether other processes serve on the same ports."""
    session_mark: str
    """What the ids of this process's sessions end with, so that others know whose they are."""

    def listener(
        self, loop: EventLoop, on_connection: OnConnection, *, backlog: int, overload_answer: bytes
    ) -> PortListener:
        """Return what takes the connections of a port, which is not bound yet.

        `overload_answer`: what peers get when this process has no descriptor left for them.
        """

    def claim(self, end: End, *, replaces: bool) -> Awaitable[None] | None:
        """Have a publisher's path for it everywhere; None where nobody else can have it.

        `replaces`: take it from a publisher elsewhere. The wait raises MountBusy where it is
        refused.
        """

    def give_back(self, publisher_id: str) -> None:
        """Let go of whatever a publisher has claimed; one that has claimed nothing is fine."""

    def fetches(self, path: str) -> bool:
        """Return whether this process is the one to fetch the source of a path."""

    def resolves(self, path: str) -> bool:
        """Return whether this process may ask the owner's hook for the source of a path."""

    async def may_fetch(self, path: str) -> bool:
        """Have the source of a path for this process, for a reader; False where another has it."""

    def pulls(self, path: str) -> bool:
        """Return whether the mount of a path is taken from another process."""


class Alone:
    """The name space of one process: what is not here is nowhere."""

    shares_ports = False
    session_mark = ""

    def listener(
        self, loop: EventLoop, on_connection: OnConnection, *, backlog: int, overload_answer: bytes
    ) -> PortListener:
        """Have the port for this process alone."""
        return TcpListener(loop, on_connection, backlog=backlog, overload_answer=overload_answer)

    def claim(self, end: End, *, replaces: bool) -> None:
        """Refuse nothing: the reservation was all."""

    def give_back(self, publisher_id: str) -> None:
        """Have nothing to give back."""

    def fetches(self, path: str) -> bool:  # noqa: ARG002 - each source is this process's own
        """Fetch them all."""
        return True

    def resolves(self, path: str) -> bool:  # noqa: ARG002 - as above
        """Ask for each."""
        return True

    async def may_fetch(self, path: str) -> bool:  # noqa: ARG002 - as above
        """Fetch them all."""
        return True

    def pulls(self, path: str) -> bool:  # noqa: ARG002 - there is nobody else
        """Take none from others."""
        return False


ALONE = Alone()

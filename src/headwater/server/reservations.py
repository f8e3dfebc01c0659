"""Paths that a publisher has announced and not yet recorded on."""

from __future__ import annotations

from headwater.media.errors import MountBusy
from headwater.media.mount_table import MountTable
from headwater.media.settings import SecondPublisher
from headwater.server.session import Session


class Reservations:
    """Who may RECORD on a path next: one announced session a path.

    A reservation lives as long as its session. Where the mount's setting is to replace, a later
    ANNOUNCE takes the path over; otherwise it is refused as early as here.
    """

    def __init__(self, mounts: MountTable) -> None:
        self._mounts = mounts
        self._holders: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._holders)

    def check(self, path: str) -> None:
        """Raise MountBusy when a new publisher on this path would be refused."""
        self._mounts.check_free(path)
        replaces = self._mounts.settings_for(path).on_second_publisher is SecondPublisher.REPLACE
        if path in self._holders and not replaces:
            raise MountBusy(f"another publisher has announced {path} and is about to send")

    def take(self, path: str, session: Session) -> None:
        """Reserve a path that `check` let through."""
        self._holders[path] = session

    def give_back(self, session: Session) -> None:
        """Free whatever the session holds; a session that holds nothing is no error."""
        if self._holders.get(session.path) is session:
            del self._holders[session.path]

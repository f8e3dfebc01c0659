"""Tells the owner's hooks what happened on mounts and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.hooks import HookRunner, notify_both
from headwater.log_pace import paced_logger
from headwater.media.mount import Mount
from headwater.media.observer import MountObserver
from headwater.media.publisher import Publisher
from headwater.media.reader import Reader
from headwater.server.role import Role
from headwater.server.session import Session

if TYPE_CHECKING:
    from headwater.server.session_table import SessionTable


logger = paced_logger(__name__)


class Notices(MountObserver):
    """Hands snapshots to the hooks of the side they belong to; nobody waits for a hook."""

    def __init__(self, hooks: dict[Role, HookRunner]) -> None:
        self._publish = hooks[Role.PUBLISH]
        self._play = hooks[Role.PLAY]
        self._hooks = hooks
        self.sessions: SessionTable | None = None

    def session_opened(self, session: Session) -> None:
        """A session was opened by ANNOUNCE or its first SETUP."""
        self._tell_session("session_opened", session)

    def session_closed(self, session: Session, mount: Mount | None) -> None:
        """A session ended; `mount` is the one that a reader was on."""
        if session.role is Role.PLAY and mount is not None and self._play.has("client_close"):
            self._play.notify("client_close", mount.snapshot(), session.snapshot())
        self._tell_session("session_closed", session)

    def mount_opened(self, mount: Mount) -> None:
        """A mount came to be."""
        logger.info("mount opened", extra={"mount": mount.path})
        self._tell_mount("mount_opened", mount)

    def mount_closed(self, mount: Mount, reason: str) -> None:
        """A mount ended."""
        logger.info("mount closed", extra={"mount": mount.path, "cause": reason})
        self._tell_mount("mount_closed", mount)

    def mount_now_empty(self, mount: Mount) -> None:
        """The last reader left."""
        self._tell_mount("mount_now_empty", mount)

    def publisher_started(self, mount: Mount, publisher: Publisher) -> None:
        """A publisher took the mount."""
        logger.info("publisher started", extra=self._fields(mount, publisher))
        self._tell(self._publish, "publisher_started", mount, publisher.id)

    def publisher_stopped(self, mount: Mount, publisher: Publisher, reason: str) -> None:
        """The publisher left."""
        fields = self._fields(mount, publisher)
        logger.info("publisher stopped", extra={**fields, "cause": reason})
        self._tell(self._publish, "publisher_stopped", mount, publisher.id)

    def reader_started(self, mount: Mount, reader: Reader) -> None:
        """A reader began to play."""
        logger.info("reader started", extra=self._fields(mount, reader))
        self._tell(self._play, "reader_started", mount, reader.id)

    def reader_stopped(self, mount: Mount, reader: Reader, reason: str) -> None:
        """A reader that had begun is gone."""
        logger.info("reader stopped", extra={**self._fields(mount, reader), "cause": reason})
        self._tell(self._play, "reader_stopped", mount, reader.id)

    def _fields(self, mount: Mount, peer: Publisher | Reader) -> dict[str, object]:
        session = None if self.sessions is None else self.sessions.get(peer.id)
        return {
            "mount": mount.path,
            "session": peer.id,
            "peer": peer.peer,
            "transport": peer.transport,
            "tls": session is not None and session.secure,
            "agent": peer.user_agent,
        }

    def _tell_session(self, name: str, session: Session) -> None:
        hooks = self._hooks[session.role]
        if hooks.has(name):
            hooks.notify(name, session.snapshot())

    def _tell_mount(self, name: str, mount: Mount) -> None:
        if self._publish.has(name) or self._play.has(name):
            notify_both(self._publish, self._play, name, mount.snapshot())

    def _tell(self, hooks: HookRunner, name: str, mount: Mount, session_id: str) -> None:
        if not hooks.has(name):
            return
        session = None if self.sessions is None else self.sessions.get(session_id)
        if session is not None:
            hooks.notify(name, mount.snapshot(), session.snapshot())

"""Tells the owner's hooks what happened on mounts, to publishers and to readers."""

from __future__ import annotations

from collections.abc import Mapping

from headwater.hooks import HookRunner, notify_both
from headwater.log_pace import paced_logger
from headwater.media.mount import Mount
from headwater.media.observer import MountObserver
from headwater.media.publisher import Publisher
from headwater.media.reader import Reader
from headwater.relay.end import End
from headwater.relay.end_table import EndTable
from headwater.side import Side

logger = paced_logger(__name__)


class Notices(MountObserver):
    """Hands snapshots to the hooks of the side they belong to; nobody waits for a hook."""

    def __init__(self, ends: EndTable, hooks: Mapping[Side, HookRunner]) -> None:
        self._ends = ends
        self._publish = hooks[Side.PUBLISH]
        self._play = hooks[Side.PLAY]
        self._hooks = hooks

    def end_opened(self, end: End) -> None:
        """A publisher or reader came; it may not have begun yet."""
        self._tell_end("session_opened", end)

    def end_closed(self, end: End, mount: Mount | None) -> None:
        """A publisher or reader is gone; `mount` is the one that a reader was on."""
        if end.side is Side.PLAY and mount is not None and self._play.has("client_close"):
            self._play.notify("client_close", mount.snapshot(), end.snapshot())
        self._tell_end("session_closed", end)

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
        end = self._ends.get(peer.id)
        return {
            "mount": mount.path,
            "session": peer.id,
            "peer": peer.peer,
            "transport": peer.transport,
            "tls": end is not None and end.secure,
            "agent": peer.user_agent,
        }

    def _tell_end(self, name: str, end: End) -> None:
        hooks = self._hooks[end.side]
        if hooks.has(name):
            hooks.notify(name, end.snapshot())

    def _tell_mount(self, name: str, mount: Mount) -> None:
        if self._publish.has(name) or self._play.has(name):
            notify_both(self._publish, self._play, name, mount.snapshot())

    def _tell(self, hooks: HookRunner, name: str, mount: Mount, end_id: str) -> None:
        if not hooks.has(name):
            return
        end = self._ends.get(end_id)
        if end is not None:
            hooks.notify(name, mount.snapshot(), end.snapshot())

"""Tells the owner's hooks, and who listens to events, what happened on mounts and to whom."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from headwater.hooks import HookRunner, notify_both
from headwater.log_pace import PACE, paced_logger
from headwater.media.observer import MountObserver, ObservedMount, tell
from headwater.media.publisher import Publisher
from headwater.media.readers.reader import Reader
from headwater.relay.end import End, EndKind
from headwater.relay.end_table import EndTable
from headwater.relay.events import Event, EventFeed, EventName
from headwater.side import Side

logger = paced_logger(__name__)


class ObservedSource(Protocol):
    """The snapshot of a path's source, as far as it is looked at here."""

    @property
    def path(self) -> str:
        """The path that it fills."""


class Notices(MountObserver):
    """Hands snapshots to the hooks of the side they belong to; nobody waits for a hook.

    What happens to a mount is told once, where its publisher is: a process that takes it from
    another one tells only of its own readers.

    Attributes:
        watchers: rooms of the server that are told of mounts and publishers, before the hooks.
        on_join: is told of each reader that begins to play; None where nobody wants to know.
        is_pulled: whether the mount of a path is taken from another process.
    """

    def __init__(self, ends: EndTable, hooks: Mapping[Side, HookRunner], events: EventFeed) -> None:
        self._ends = ends
        self._events = events
        self._publish = hooks[Side.PUBLISH]
        self._play = hooks[Side.PLAY]
        self._hooks = hooks
        self.watchers: list[MountObserver] = []
        self.on_join: Callable[[End], None] | None = None
        self.is_pulled: Callable[[str], bool] = _never
        # Mounts that nobody was told of, since another process has them.
        self._untold: set[ObservedMount] = set()

    def end_opened(self, end: End) -> None:
        """Tell that a publisher or reader came; it may not have begun yet."""
        self._tell_end(EventName.SESSION_OPENED, end)

    def end_closed(self, end: End, mount: ObservedMount | None, reason: str) -> None:
        """Tell that a publisher or reader is gone; `mount` is the one that a reader was on."""
        if end.kind is EndKind.NODE:
            return
        if end.side is Side.PLAY and mount is not None:
            if self._play.has(EventName.CLIENT_CLOSE):
                self._play.notify(EventName.CLIENT_CLOSE, mount.snapshot(), end.snapshot())
            if self._events.wanted:
                self._events.tell(Event(EventName.CLIENT_CLOSE, mount.path, end.snapshot(), reason))
        self._tell_end(EventName.SESSION_CLOSED, end, reason)

    def mount_opened(self, mount: ObservedMount) -> None:
        """Tell that a mount came to be."""
        logger.info("mount opened", extra={"mount": mount.path})
        for watcher in self.watchers:
            tell(watcher.mount_opened, mount)
        if self.is_pulled(mount.path):
            self._untold.add(mount)
        else:
            self._tell_mount(EventName.MOUNT_OPENED, mount)

    def mount_closed(self, mount: ObservedMount, reason: str) -> None:
        """Tell that a mount ended."""
        logger.info("mount closed", extra={"mount": mount.path, "cause": reason})
        for watcher in self.watchers:
            tell(watcher.mount_closed, mount, reason)
        if mount in self._untold:
            self._untold.remove(mount)
        else:
            self._tell_mount(EventName.MOUNT_CLOSED, mount, reason)

    def mount_now_empty(self, mount: ObservedMount) -> None:
        """Tell that the last reader left."""
        if mount not in self._untold:
            self._tell_mount(EventName.MOUNT_NOW_EMPTY, mount)

    def publisher_started(self, mount: ObservedMount, publisher: Publisher) -> None:
        """Tell that a publisher took the mount."""
        logger.info("publisher started", extra=self._fields(mount, publisher))
        for watcher in self.watchers:
            tell(watcher.publisher_started, mount, publisher)
        self._note_move(mount)
        self._tell(self._publish, EventName.PUBLISHER_STARTED, mount, publisher.id)

    def _note_move(self, mount: ObservedMount) -> None:
        """Tell of a mount that came from another process, or that has gone to one."""
        is_pulled = self.is_pulled(mount.path)
        if is_pulled and mount not in self._untold:
            self._untold.add(mount)
            self._tell_mount(EventName.MOUNT_CLOSED, mount, "another node has the publisher")
        elif not is_pulled and mount in self._untold:
            self._untold.remove(mount)
            self._tell_mount(EventName.MOUNT_OPENED, mount)

    def publisher_stopped(self, mount: ObservedMount, publisher: Publisher, reason: str) -> None:
        """Tell that the publisher left."""
        fields = self._fields(mount, publisher)
        logger.info("publisher stopped", extra={**fields, "cause": reason})
        for watcher in self.watchers:
            tell(watcher.publisher_stopped, mount, publisher, reason)
        self._tell(self._publish, EventName.PUBLISHER_STOPPED, mount, publisher.id, reason)

    def reader_started(self, mount: ObservedMount, reader: Reader) -> None:
        """Tell that a reader began to play."""
        if logger.isEnabledFor(logging.INFO):
            self._log_reader("reader started", mount, reader)
        if self.on_join is not None and (end := self._ends.get(reader.id)) is not None:
            self.on_join(end)
        self._tell(self._play, EventName.READER_STARTED, mount, reader.id)

    def reader_stopped(self, mount: ObservedMount, reader: Reader, reason: str) -> None:
        """Tell that a reader that had begun is gone."""
        if logger.isEnabledFor(logging.INFO):
            self._log_reader("reader stopped", mount, reader, reason)
        self._tell(self._play, EventName.READER_STOPPED, mount, reader.id, reason)

    def source_changed(self, source: ObservedSource, reason: str) -> None:
        """Tell that another source of a path is live, or none any more."""
        if self._publish.has(EventName.SOURCE_CHANGED):
            self._publish.notify(EventName.SOURCE_CHANGED, source)
        if self._events.wanted:
            self._events.tell(Event(EventName.SOURCE_CHANGED, source.path, cause=reason))

    def _log_reader(
        self, event: str, mount: ObservedMount, reader: Reader, cause: str | None = None
    ) -> None:
        texts = mount.path, reader.id, reader.peer, reader.transport, reader.user_agent, cause or ""
        if not PACE.leaves_out(logger.name, event, *texts):
            fields = self._fields(mount, reader)
            logger.info(event, extra=fields if cause is None else {**fields, "cause": cause})

    def _fields(self, mount: ObservedMount, peer: Publisher | Reader) -> dict[str, object]:
        end = self._ends.get(peer.id)
        return {
            "mount": mount.path,
            "session": peer.id,
            "peer": peer.peer,
            "transport": peer.transport,
            "tls": end is not None and end.secure,
            "agent": peer.user_agent,
        }

    def _tell_end(self, name: EventName, end: End, reason: str = "") -> None:
        if end.kind is EndKind.NODE:
            # Whoever reads there is told of there, once.
            return
        hooks = self._hooks[end.side]
        if hooks.has(name):
            hooks.notify(name, end.snapshot())
        if self._events.wanted:
            self._events.tell(Event(name, end.path, end.snapshot(), reason))

    def _tell_mount(self, name: EventName, mount: ObservedMount, reason: str = "") -> None:
        if self._publish.has(name) or self._play.has(name):
            notify_both(self._publish, self._play, name, mount.snapshot())
        if self._events.wanted:
            self._events.tell(Event(name, mount.path, cause=reason))

    def _tell(
        self,
        hooks: HookRunner,
        name: EventName,
        mount: ObservedMount,
        end_id: str,
        reason: str = "",
    ) -> None:
        if not (hooks.has(name) or self._events.wanted):
            return
        end = self._ends.get(end_id)
        if end is None or end.kind is EndKind.NODE:
            return
        if hooks.has(name):
            hooks.notify(name, mount.snapshot(), end.snapshot())
        if self._events.wanted:
            # Without the mount's readers: a thousand that come would each make a thousand.
            self._events.tell(Event(name, mount.path, end.snapshot(), reason))


def _never(_path: str) -> bool:
    return False

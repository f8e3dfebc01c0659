"""What happens on a server, told to whoever listens: mounts, publishers, readers and sessions."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol, Self

from headwater.relay.end import SessionSnapshot

_MOST_WAITING = 1000
"""Events that may wait for one listener; a session snapshot takes about 400 bytes."""


class EventName(StrEnum):
    """What happened; the names are those of the hooks that are told of the same."""

    SESSION_OPENED = "session_opened"
    SESSION_CLOSED = "session_closed"
    MOUNT_OPENED = "mount_opened"
    MOUNT_CLOSED = "mount_closed"
    MOUNT_NOW_EMPTY = "mount_now_empty"
    PUBLISHER_STARTED = "publisher_started"
    PUBLISHER_STOPPED = "publisher_stopped"
    SOURCE_CHANGED = "source_changed"
    READER_STARTED = "reader_started"
    READER_STOPPED = "reader_stopped"
    CLIENT_CLOSE = "client_close"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened on a mount.

    Attributes:
        name: what happened.
        path: the mount's path.
        session: the publisher or reader that it happened to; None where it happened to the mount.
        cause: why something ended; "" where something began.
        missed: how many events before this one were dropped because the listener was too slow.
    """

    name: EventName
    path: str
    session: SessionSnapshot | None = None
    cause: str = ""
    missed: int = 0


class EventSink(Protocol):
    """What is told of events; nothing of it may wait."""

    def put(self, event: Event) -> None:
        """Take an event."""

    def close(self) -> None:
        """Expect no more."""


class EventStream:
    """The events from one moment on, for one listener: an asynchronous iterator.

    At most 1,000 events wait; then the oldest are dropped, and the next event says how many. The
    iteration ends when the server stops, or with `close`.
    """

    def __init__(self, on_close: Callable[[EventStream], None]) -> None:
        """Made by `events`; `on_close` has nothing more put into it."""
        self._on_close = on_close
        self._events: deque[Event] = deque()
        self._missed = 0
        self._arrived = asyncio.Event()
        self._closed = False

    def close(self) -> None:
        """Listen no more; what waits can still be taken. A second call does nothing."""
        self._closed = True
        self._on_close(self)
        self._arrived.set()

    def put(self, event: Event) -> None:
        """Add an event; called by the feed."""
        if len(self._events) == _MOST_WAITING:
            self._events.popleft()
            self._missed += 1
        self._events.append(event)
        self._arrived.set()

    def __enter__(self) -> Self:
        """Listen for the time of a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        self.close()

    def __aiter__(self) -> Self:
        """Return the stream itself."""
        return self

    async def __anext__(self) -> Event:
        """Wait for the next event and return it."""
        while (event := self.take()) is None:
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return event

    def take(self) -> Event | None:
        """Return the next event if one waits; None otherwise."""
        if not self._events:
            return None
        event = self._events.popleft()
        if self._missed:
            event = replace(event, missed=self._missed)
            self._missed = 0
        return event


class EventFeed:
    """Gives each event to every listener; without any it costs nothing."""

    def __init__(self) -> None:
        self._sinks: set[EventSink] = set()
        self.wanted = False
        """Whether anybody listens."""

    def listen(self) -> EventStream:
        """Return a stream of what happens from now on."""
        stream = EventStream(self.remove)
        self.add(stream)
        return stream

    def add(self, sink: EventSink) -> None:
        """Tell a sink of what happens from now on."""
        self._sinks.add(sink)
        self.wanted = True

    def remove(self, sink: EventSink) -> None:
        """Tell a sink no more; one that is told nothing stays so."""
        self._sinks.discard(sink)
        self.wanted = bool(self._sinks)

    def tell(self, event: Event) -> None:
        """Give an event to all who listen."""
        for sink in self._sinks:
            sink.put(event)

    def close(self) -> None:
        """End every sink, behind what waits in it."""
        for sink in tuple(self._sinks):
            sink.close()

"""What happens in one process, for another one that asks again and again what has."""

from __future__ import annotations

import asyncio
from typing import Final

from headwater.media.clock import Timer
from headwater.relay.events import Event, EventName, EventSink, EventStream
from headwater.relay.relay import Relay

_MOST_AT_ONCE: Final = 200
_WAIT_S: Final = 2.0
"""Less than who asks waits for an answer."""
_KEPT_S: Final = 10.0
"""Nobody asks any more."""
_OF_MOUNTS: Final = frozenset(
    {EventName.MOUNT_OPENED, EventName.MOUNT_CLOSED, EventName.MOUNT_NOW_EMPTY}
)


class OwnEvents:
    """Listens from the first question on, until nobody has asked for a while."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._stream: EventStream | None = None
        self._filter: PulledLeftOut | None = None
        self._timer: Timer | None = None

    async def next(self, anew: bool) -> tuple[Event, ...]:
        """Return what has happened since the last question; waits a little where that is nothing.

        `anew`: nothing of before is wanted. For whoever is slow 1,000 events wait, as for every
        listener.
        """
        if anew:
            self.stop()
        stream = self._listened()
        try:
            async with asyncio.timeout(_WAIT_S):
                first = await anext(stream)
        except (TimeoutError, StopAsyncIteration):
            return ()
        events = [first]
        while len(events) < _MOST_AT_ONCE and (event := stream.take()) is not None:
            events.append(event)
        return tuple(events)

    def stop(self) -> None:
        """Listen no more; a second call does nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._filter is not None:
            self._relay.events.remove(self._filter)
            self._filter = None
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _listened(self) -> EventStream:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._relay.loop.call_later(_KEPT_S, self.stop)
        if self._stream is None:
            self._stream = EventStream(lambda _: None)
            self._filter = PulledLeftOut(self._relay, self._stream)
            self._relay.events.add(self._filter)
        return self._stream


class PulledLeftOut:
    """Hands on what happens, but not of mounts that are taken from another worker.

    That worker tells of them.
    """

    def __init__(self, relay: Relay, sink: EventSink) -> None:
        self._pulls = relay.name_space.pulls
        self._sink = sink
        self._pulled = {mount.path for mount in relay.mounts if self._pulls(mount.path)}

    def put(self, event: Event) -> None:
        """Take an event."""
        if event.name in _OF_MOUNTS and self._leaves_out(event):
            return
        self._sink.put(event)

    def close(self) -> None:
        """Expect no more."""
        self._sink.close()

    def _leaves_out(self, event: Event) -> bool:
        path = event.path
        if event.name is EventName.MOUNT_OPENED and self._pulls(path):
            self._pulled.add(path)
        is_pulled = path in self._pulled
        if event.name is EventName.MOUNT_CLOSED:
            self._pulled.discard(path)
        return is_pulled

"""What happens in all processes that serve together, in one stream for each listener."""

from __future__ import annotations

import asyncio

from headwater.app.others import Others
from headwater.app.own_events import PulledLeftOut
from headwater.relay.events import Event, EventFeed, EventStream
from headwater.relay.relay import Relay

_REST_S = 0.5
"""Before a process is asked again that did not answer: another takes its place."""


class EventsOfAll:
    """Listens everywhere while somebody listens here."""

    def __init__(self, relay: Relay, others: Others) -> None:
        self._relay = relay
        self._others = others
        self._feed = EventFeed()
        self._own: PulledLeftOut | None = None
        self._asking: list[asyncio.Task[None]] = []

    def listen(self) -> EventStream:
        """Return a stream of what happens from now on."""
        stream = EventStream(self._leave)
        self._feed.add(stream)
        if self._own is None:
            self._own = PulledLeftOut(self._relay, self)
            self._relay.events.add(self._own)
            loop = asyncio.get_running_loop()
            self._asking = [loop.create_task(self._ask(name)) for name in self._others.names]
        return stream

    # -- what the own relay is told to tell

    def put(self, event: Event) -> None:
        """Take an event of this process."""
        self._feed.tell(event)

    def close(self) -> None:
        """End all streams: the server stops."""
        self._feed.close()
        self._stop()

    def _leave(self, stream: EventStream) -> None:
        self._feed.remove(stream)
        if not self._feed.wanted:
            self._stop()

    def _stop(self) -> None:
        own, self._own = self._own, None
        if own is not None:
            self._relay.events.remove(own)
        for task in self._asking:
            task.cancel()
        self._asking = []

    async def _ask(self, name: str) -> None:
        anew = True
        while True:
            try:
                events = await self._others.ask_one(name, "events", anew)
            except RuntimeError:
                anew = True
                await asyncio.sleep(_REST_S)
                continue
            anew = False
            for event in events:
                self._feed.tell(event)

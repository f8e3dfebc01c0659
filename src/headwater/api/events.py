"""What happens on the server, as a stream of server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import Response, StreamingResponse

from headwater.access.decision import Action
from headwater.api.caller import Callers
from headwater.api.operation import Call, Operation
from headwater.api.query import Parameter
from headwater.api.view import ServerView
from headwater.control.json_text import plain
from headwater.http.refusal import HttpRefusal
from headwater.protocol.path_pattern import matches
from headwater.relay.events import Event, EventStream

MOST_STREAMS: Final = 64
_KEPT_ALIVE_S: Final = 15.0
_TYPE: Final = "text/event-stream"


class Events:
    """Streams them: for each listener at most 1,000 wait, and the next one tells what was dropped.

    Attributes:
        streams: how many listen.
    """

    def __init__(self, view: ServerView, callers: Callers) -> None:
        self.streams = 0
        self._view = view
        self._callers = callers

    def operations(self) -> tuple[Operation, ...]:
        """Return the part of the table."""
        return (
            Operation(
                id="streamEvents",
                method="GET",
                address="/v1/events",
                action=Action.LOOK,
                summary="What happens from now on, as server-sent events named like the hooks.",
                run=self._stream,
                parameters=(
                    Parameter(name="path", doc="Only those of paths that match this pattern."),
                ),
                answer=_TYPE,
            ),
        )

    async def _stream(self, call: Call) -> Response:
        if self.streams >= MOST_STREAMS:
            raise HttpRefusal(
                503,
                f"{MOST_STREAMS} streams of events are open already; close one",
                code="full",
                headers=[("Retry-After", "5")],
            )
        return StreamingResponse(self._lines(call), media_type=_TYPE)

    async def _lines(self, call: Call) -> AsyncIterator[str]:
        self.streams += 1
        try:
            with self._view.events() as events:
                # A browser's EventSource is open from the first line on.
                yield ": open\n\n"
                while True:
                    try:
                        async with asyncio.timeout(_KEPT_ALIVE_S):
                            event = await self._next(call, events)
                    except TimeoutError:
                        yield ": still here\n\n"
                        continue
                    yield f"event: {event.name}\ndata: {_told(event)}\n\n"
        except (StopAsyncIteration, asyncio.CancelledError):
            return  # the server stops
        finally:
            self.streams -= 1

    async def _next(self, call: Call, events: EventStream) -> Event:
        pattern = call.query["path"]
        while True:
            event = await anext(events)
            # What the caller may can change while the stream is open.
            patterns = self._callers.patterns_now(call.caller)
            if any(matches(each, event.path) for each in patterns) and (
                pattern is None or matches(pattern, event.path)
            ):
                return event


def _told(event: Event) -> str:
    return json.dumps(plain(event), ensure_ascii=False)

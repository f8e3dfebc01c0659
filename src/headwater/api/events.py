"""What happens on the server, as a stream of server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import Response
from starlette.websockets import WebSocket

from headwater.access.decision import Action
from headwater.api.caller import SERVER, Caller, Callers
from headwater.api.operation import Call, Operation
from headwater.api.query import Parameter, query_of
from headwater.api.view import ServerView
from headwater.control.json_text import plain
from headwater.http.endless import EndlessResponse
from headwater.http.refusal import HttpRefusal
from headwater.protocol.path_pattern import matches
from headwater.relay.events import Event, EventStream

MOST_STREAMS: Final = 64
_KEPT_ALIVE_S: Final = 15.0
_TYPE: Final = "text/event-stream"
_PARAMETERS: Final = (Parameter(name="path", doc="Only those of paths that match this pattern."),)


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
                parameters=_PARAMETERS,
                answer=_TYPE,
            ),
        )

    async def talk(self, socket: WebSocket) -> None:
        """Tell the same by a WebSocket, one message for each event; what comes is not read."""
        caller = await self._callers.identify(socket, Action.LOOK, SERVER)
        pattern = query_of(socket, _PARAMETERS)["path"]
        self._require_room()
        await socket.accept()
        telling = asyncio.ensure_future(self._tell(socket, caller, pattern))
        leaving = asyncio.ensure_future(_gone(socket))
        try:
            await asyncio.wait((telling, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            telling.cancel()
            leaving.cancel()
            await asyncio.gather(telling, leaving, return_exceptions=True)

    async def _tell(self, socket: WebSocket, caller: Caller, pattern: str | None) -> None:
        async for event in self._events(caller, pattern):
            if event is not None:
                await socket.send_text(_told(event))
        await socket.close(1001)

    async def _stream(self, call: Call) -> Response:
        self._require_room()
        return EndlessResponse(self._lines(call), media_type=_TYPE)

    async def _lines(self, call: Call) -> AsyncIterator[str]:
        # A browser's EventSource is open from the first line on.
        yield ": open\n\n"
        try:
            async for event in self._events(call.caller, call.query["path"]):
                if event is None:
                    yield ": still here\n\n"
                else:
                    yield f"event: {event.name}\ndata: {_told(event)}\n\n"
        except asyncio.CancelledError:
            return  # the server stops

    async def _events(self, caller: Caller, pattern: str | None) -> AsyncIterator[Event | None]:
        """Yield events until the server stops, and None where none came for a while."""
        self.streams += 1
        try:
            with self._view.events() as events:
                while not self._callers.has_expired(caller):
                    try:
                        async with asyncio.timeout(_KEPT_ALIVE_S):
                            event = await self._next(caller, pattern, events)
                    except TimeoutError:
                        yield None
                        continue
                    except StopAsyncIteration:
                        return
                    yield event
        finally:
            self.streams -= 1

    async def _next(self, caller: Caller, pattern: str | None, events: EventStream) -> Event:
        while True:
            event = await anext(events)
            if self._callers.has_expired(caller):
                raise StopAsyncIteration
            # What the caller may can change while the stream is open.
            patterns = self._callers.patterns_now(caller)
            if any(matches(each, event.path) for each in patterns) and (
                pattern is None or matches(pattern, event.path)
            ):
                return event

    def _require_room(self) -> None:
        if self.streams >= MOST_STREAMS:
            raise HttpRefusal(
                503,
                f"{MOST_STREAMS} streams of events are open already; close one",
                code="full",
                headers=[("Retry-After", "5")],
            )


async def _gone(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def _told(event: Event) -> str:
    return json.dumps(plain(event), ensure_ascii=False)

"""The stream of events: as they happen, of what the caller may see, bounded."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest
import websockets
from api_peer import ask, publish_many
from inside import inside
from waiting import holds
from web_rig import WebServer

from headwater.api import events


class Listener:
    """Reads server-sent events."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, query: str = "") -> Listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /v1/events{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.splitlines()[0]
        assert b"text/event-stream" in head
        await reader.readuntil(b": open\n\n")
        return cls(reader, writer)

    async def next(self) -> tuple[str, dict[str, Any]]:
        async with asyncio.timeout(10):
            await self._reader.readuntil(b"event: ")
            name = (await self._reader.readline()).decode().strip()
            told = (await self._reader.readline()).decode().removeprefix("data: ")
            return name, json.loads(told)

    def close(self) -> None:
        self._writer.close()


async def test_what_happens_is_told(web: WebServer) -> None:
    listener = await Listener.open(web.port)
    publish_many(web, "/front")
    seen = [await listener.next() for _ in range(3)]
    assert {name for name, _ in seen} == {"session_opened", "mount_opened", "publisher_started"}
    assert {told["path"] for _, told in seen} == {"/front"}
    listener.close()


async def test_only_of_paths_that_were_asked_for(web: WebServer) -> None:
    listener = await Listener.open(web.port, "?path=cams/*")
    publish_many(web, "/other", "/cams/a")
    assert (await listener.next())[1]["path"] == "/cams/a"
    listener.close()


async def test_there_are_only_so_many(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_STREAMS", 1)
    listener = await Listener.open(web.port)
    answer = await ask(web, "/v1/events")
    assert (answer.status, answer.problem["code"]) == (503, "full")
    listener.close()


async def test_who_leaves_is_noticed_though_nothing_happens(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing is written to a listener, by which one would notice it as well.
    monkeypatch.setattr(events, "_KEPT_ALIVE_S", 3600.0)
    monkeypatch.setattr(events, "MOST_STREAMS", 1)
    streams = inside(web.server).web.api._events
    for _ in range(3):
        listener = await Listener.open(web.port)
        listener.close()
        await holds(lambda: not streams.streams)


async def test_a_stop_ends_the_streams(web: WebServer) -> None:
    listener = await Listener.open(web.port)
    await web.server.stop()
    with pytest.raises(asyncio.IncompleteReadError):
        await listener.next()


async def test_the_same_by_websocket(web: WebServer) -> None:
    address = f"ws://127.0.0.1:{web.port}/v1/events?path=/front"
    async with websockets.connect(address) as socket:
        publish_many(web, "/front", "/other")
        told = [json.loads(await socket.recv()) for _ in range(3)]
        assert {each["path"] for each in told} == {"/front"}
        await socket.send("what comes is not read")
        await web.server.stop()
        with contextlib.suppress(websockets.ConnectionClosedError):
            async for _ in socket:
                pass
        assert socket.close_code is not None


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Via": "1.1 proxy"}])
async def test_a_websocket_of_a_stranger_is_refused(
    web: WebServer, headers: dict[str, str]
) -> None:
    address = f"ws://127.0.0.1:{web.port}/v1/events"
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with websockets.connect(address, additional_headers=headers):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("how", ["messages", "pings", "a long message"])
async def test_a_websocket_that_floods_is_let_go_and_nobody_else_notices(
    web: WebServer, how: str
) -> None:
    address = f"ws://127.0.0.1:{web.port}/v1/events"
    listener = await Listener.open(web.port)
    message = "x" * (100_000 if how == "a long message" else 500)

    async def flood(socket: websockets.ClientConnection) -> None:
        while True:
            if how == "pings":
                await socket.ping()
            await socket.send(message)

    async with websockets.connect(address) as socket, asyncio.timeout(20):
        # asyncio's transport, once it was reset, has no loop any more when it is aborted.
        with pytest.raises((websockets.ConnectionClosed, AttributeError)):
            await flood(socket)
    publish_many(web, "/front")
    assert (await listener.next())[1]["path"] == "/front"
    assert (await ask(web, "/v1/health")).status == 200
    streams = inside(web.server).web.api._events
    await holds(lambda: streams.streams == 1)
    listener.close()

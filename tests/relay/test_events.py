"""What happens on a server, told to whoever listens."""

from __future__ import annotations

import asyncio
import threading

import pytest
from rtsp_peer import DEADLINE_S, RtspPeer, TcpPublisher, TcpReader

from headwater import Event, EventName, EventStream, RtspServer, Side, ThreadedRtspServer
from headwater.relay import events
from headwater.relay.events import EventFeed


async def take(stream: EventStream, count: int) -> list[Event]:
    async with asyncio.timeout(DEADLINE_S):
        return [await anext(stream) for _ in range(count)]


async def test_a_publisher_and_a_reader_come_and_go(server: RtspServer) -> None:
    with server.events() as stream:
        publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
        reader = await TcpReader.start(server.play_port, server.play_url("/a"))
        opened = await take(stream, 5)
        await reader.peer.ask("TEARDOWN", reader.url, {"Session": reader.session})
        await publisher.peer.ask("TEARDOWN", publisher.url, {"Session": publisher.session})
        closed = await take(stream, 7)
    assert [event.name for event in opened] == [
        EventName.SESSION_OPENED,
        EventName.MOUNT_OPENED,
        EventName.PUBLISHER_STARTED,
        EventName.SESSION_OPENED,
        EventName.READER_STARTED,
    ]
    assert {event.path for event in opened + closed} == {"/a"}
    sessions = [event.session for event in opened if event.session is not None]
    assert [(each.id, each.role) for each in sessions] == [
        (publisher.session, Side.PUBLISH),
        (publisher.session, Side.PUBLISH),
        (reader.session, Side.PLAY),
        (reader.session, Side.PLAY),
    ]
    assert {event.name for event in closed} == {
        EventName.READER_STOPPED,
        EventName.MOUNT_NOW_EMPTY,
        EventName.PUBLISHER_STOPPED,
        EventName.MOUNT_CLOSED,
        EventName.SESSION_CLOSED,
        EventName.CLIENT_CLOSE,
    }
    assert [event.cause for event in closed if event.name is EventName.SESSION_CLOSED] == [
        "teardown",
        "teardown",
    ]
    assert not any(event.missed for event in opened + closed)


async def test_a_slow_listener_loses_the_oldest_and_is_told_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(events, "_MOST_WAITING", 3)
    feed = EventFeed()
    stream = feed.listen()
    for number in range(5):
        feed.tell(Event(EventName.MOUNT_OPENED, f"/{number}"))
    got = await take(stream, 3)
    assert [(event.path, event.missed) for event in got] == [("/2", 2), ("/3", 0), ("/4", 0)]


async def test_whoever_listens_no_more_is_told_nothing() -> None:
    feed = EventFeed()
    with feed.listen() as stream:
        wanted = [feed.wanted]
        feed.tell(Event(EventName.MOUNT_OPENED, "/a"))
    wanted.append(feed.wanted)
    assert wanted == [True, False]
    feed.tell(Event(EventName.MOUNT_CLOSED, "/a"))
    assert [event.name async for event in stream] == [EventName.MOUNT_OPENED]


async def test_the_iteration_ends_with_the_server() -> None:
    server = RtspServer(host="127.0.0.1", publish_port=0)
    await server.start()
    stream = server.events()
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    RtspPeer.forget_all()
    await server.stop()
    names = [event.name async for event in stream]
    assert {EventName.SESSION_CLOSED, EventName.MOUNT_CLOSED} <= set(names)
    with pytest.raises(RuntimeError, match="not running"):
        server.events()


async def test_a_mount_is_waited_for(server: RtspServer) -> None:
    waiting = [asyncio.create_task(server.wait_for_mount(path)) for path in ("/a", "a")]
    await asyncio.sleep(0)
    await TcpPublisher.start(server.publish_port, server.publish_url("/b"))
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    for mount in await asyncio.gather(*waiting):
        assert mount.publisher is not None
        assert (mount.path, mount.publisher.id) == ("/a", publisher.session)
    assert (await server.wait_for_mount("/b", timeout_s=0)).path == "/b"
    with pytest.raises(TimeoutError, match="nobody published on /c within 0 s"):
        await server.wait_for_mount("/c", timeout_s=0)


async def test_waiting_for_a_mount_ends_with_the_server() -> None:
    async with RtspServer(host="127.0.0.1", publish_port=0) as server:
        waiting = asyncio.create_task(server.wait_for_mount("/a"))
        await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="stopped meanwhile"):
        await waiting


def test_a_threaded_server_tells_too() -> None:
    heard: list[Event] = []
    with ThreadedRtspServer(host="127.0.0.1", publish_port=0) as server:
        stream = server.events()
        listener = threading.Thread(target=lambda: heard.extend(stream))
        listener.start()

        async def publish() -> None:
            await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
            await asyncio.to_thread(server.wait_for_mount, "/a", DEADLINE_S)
            RtspPeer.forget_all()

        asyncio.run(publish())
        assert server.counters.sessions_opened == 1
        assert server.udp_pairs_in_use == 0
    listener.join(DEADLINE_S)
    assert not listener.is_alive()
    assert [event.name for event in heard][:3] == [
        EventName.SESSION_OPENED,
        EventName.MOUNT_OPENED,
        EventName.PUBLISHER_STARTED,
    ]
    assert EventName.SESSION_CLOSED in {event.name for event in heard}

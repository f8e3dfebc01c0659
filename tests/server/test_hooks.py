"""The owner's hooks at work in a live server: who is asked, who is told, and who never waits."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import pytest
from logged import events
from rtsp_peer import DEADLINE_S, SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader
from udp_peer import UdpReader, wait_for

from headwater import HookRequest, Hooks, MountSettings, Redirect, RtspServer, Settings
from headwater.hooks import HookSettings

ServerFactory = Callable[..., Awaitable[RtspServer]]

SDP_HEADERS = {"Content-Type": "application/sdp"}


async def announce(server: RtspServer, path: str) -> int:
    peer = await RtspPeer.connect(server.publish_port)
    return (await peer.ask("ANNOUNCE", server.publish_url(path), SDP_HEADERS, SDP_VIDEO)).status


async def describe(server: RtspServer, path: str) -> int:
    peer = await RtspPeer.connect(server.play_port)
    return (await peer.ask("DESCRIBE", server.play_url(path))).status


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (True, 200),
        (False, 403),
        (404, 404),
        (503, 503),
        (599, 599),
        ("rtsp://192.0.2.1/b", 302),
        (Redirect("rtsp://192.0.2.1/b", permanent=True), 301),
        (None, 500),
        (200, 500),
        ("http://192.0.2.1/", 500),
    ],
)
async def test_check_mount_decides_on_its_side_alone(
    start_server: ServerFactory, plain: bool, verdict: Any, status: int
) -> None:
    async def check_later(request: HookRequest) -> Any:
        return verdict

    check = (lambda _: verdict) if plain else check_later
    server = await start_server(play_hooks=Hooks(check_mount=check))
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    peer = await RtspPeer.connect(server.play_port)
    answer = await peer.ask("DESCRIBE", server.play_url("/a"))
    assert answer.status == status
    if status in {301, 302}:
        assert answer.header("Location") == "rtsp://192.0.2.1/b"
    assert (await peer.ask("OPTIONS", "*")).status == 200


async def test_check_mount_of_publishers_refuses_announce(start_server: ServerFactory) -> None:
    hooks = Hooks(check_mount=lambda request: request.path == "/good")
    server = await start_server(publish_hooks=hooks)
    assert await announce(server, "/bad") == 403
    assert await announce(server, "/good") == 200
    assert await describe(server, "/bad") == 404


async def test_hooks_see_the_request_without_its_credentials(start_server: ServerFactory) -> None:
    seen: list[HookRequest] = []

    def check(request: HookRequest) -> bool:
        seen.append(request)
        return False

    server = await start_server(play_hooks={"check_mount": check})
    peer = await RtspPeer.connect(server.play_port)
    uri = f"rtsp://me:secret@127.0.0.1:{server.play_port}/cam%201?token=1"
    headers = {"User-Agent": "eye", "Authorization": "Basic bWU6c2VjcmV0", "X-Site": "north"}
    assert (await peer.ask("DESCRIBE", uri, headers)).status == 403
    [request] = seen
    assert (request.method, request.path, request.query) == ("DESCRIBE", "/cam 1", "token=1")
    assert (request.scheme, request.side, request.user_agent) == ("rtsp", "play", "eye")
    assert request.peer == ("127.0.0.1", peer.local_port)
    assert request.auth_scheme == "basic"
    assert request.headers["x-site"] == "north"
    assert "secret" not in request.uri
    assert "authorization" not in request.headers


@pytest.mark.parametrize("name", ["authentication", "check_mount"])
@pytest.mark.parametrize("plain", [True, False])
async def test_hook_that_raises_is_500_for_its_request_alone(
    start_server: ServerFactory, name: str, plain: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def raise_at_once(*_: object) -> bool:
        raise RuntimeError("the database is away")

    async def raise_later(*payload: object) -> bool:
        return raise_at_once(*payload)

    hooks = {name: raise_at_once if plain else raise_later}
    server = await start_server(play_hooks=hooks)
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    peer = await RtspPeer.connect(server.play_port)
    answer = await peer.ask("DESCRIBE", server.play_url("/a"))
    assert answer.status == 500
    assert b"database" not in answer.body
    assert "the database is away" in caplog.text
    assert "raise_at_once" in caplog.text
    assert (await peer.ask("OPTIONS", "*")).status == 200
    await publisher.send()
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets == 1)


@pytest.mark.parametrize("plain", [True, False])
async def test_hook_that_hangs_is_503_and_others_go_on(
    start_server: ServerFactory, plain: bool, caplog: pytest.LogCaptureFixture
) -> None:
    released = threading.Event()

    def hang(request: HookRequest) -> bool:
        return request.path != "/slow" or released.wait(DEADLINE_S)

    async def hang_later(request: HookRequest) -> bool:
        if request.path == "/slow":
            await asyncio.Event().wait()
        return True

    settings = Settings(hooks=HookSettings(timeout_s=0.5, stop_grace_s=0.1))
    hooks = Hooks(check_mount=hang if plain else hang_later)
    server = await start_server(play_hooks=hooks, settings=settings)
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    slow = await RtspPeer.connect(server.play_port)
    await slow.send(slow.request("DESCRIBE", server.play_url("/slow")))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    sent = await publisher.send()
    assert await reader.peer.frame() == (0, sent[0])
    answer = await slow.answer()
    assert answer.status == 503
    assert "hang" in caplog.text
    assert (await slow.ask("DESCRIBE", server.play_url("/a"))).status == 200
    released.set()


async def test_session_that_ends_while_its_hook_is_asked_is_not_set_up(
    start_server: ServerFactory,
) -> None:
    asked, may_go_on = asyncio.Event(), asyncio.Event()

    async def check(request: HookRequest) -> bool:
        if request.peer[1] == second.local_port:
            asked.set()
            await may_go_on.wait()
        return True

    server = await start_server(play_hooks=Hooks(check_mount=check))
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    url = server.play_url("/a")
    first, second = [await RtspPeer.connect(server.play_port) for _ in range(2)]
    reader, another = UdpReader(), UdpReader()
    setup = await reader.setup(first, url)
    headers = {
        "Session": setup.session,
        "Transport": f"RTP/AVP;unicast;{another.client_port}",
    }
    await second.send(second.request("SETUP", f"{url}/trackID=0", headers))
    await asked.wait()
    await server.close_session(setup.session)
    may_go_on.set()
    assert (await second.closed()) == b""
    await wait_for(lambda: server.udp_pairs_in_use == 0)


async def test_peer_that_leaves_while_its_hook_is_asked_leaves_nothing(
    start_server: ServerFactory,
) -> None:
    asked, cancelled = asyncio.Event(), asyncio.Event()

    async def check(request: HookRequest) -> bool:
        asked.set()
        try:
            return await asyncio.Event().wait()
        finally:
            cancelled.set()

    server = await start_server(publish_hooks=Hooks(check_mount=check))
    peer = await RtspPeer.connect(server.publish_port)
    await peer.send(peer.request("ANNOUNCE", server.publish_url("/a"), SDP_HEADERS, SDP_VIDEO))
    await asked.wait()
    peer.reset()
    async with asyncio.timeout(DEADLINE_S):
        await cancelled.wait()
    assert not server.sessions


def recorder(told: list[tuple[str, ...]], side: str, names: tuple[str, ...]) -> Hooks:
    hooks = Hooks()
    for name in names:

        def note(subject: Any, session: Any = None, *, name: str = name) -> None:
            ids = (subject, session) if session is not None else (subject,)
            # Snapshots are plain values: they can be kept and turned into dictionaries.
            assert all(asdict(one) for one in ids)
            told.append((side, name, *(getattr(one, "id", one.path) for one in ids)))

        hooks.add(name, note)
    return hooks


MOUNT_HOOKS = ("mount_opened", "mount_closed", "mount_now_empty")
SESSION_HOOKS = ("session_opened", "session_closed")
PUBLISH_HOOKS = (*MOUNT_HOOKS, *SESSION_HOOKS, "publisher_started", "publisher_stopped")
PLAY_HOOKS = (*MOUNT_HOOKS, *SESSION_HOOKS, "reader_started", "reader_stopped", "client_close")


async def test_every_pair_is_told_in_order(start_server: ServerFactory) -> None:
    told: list[tuple[str, ...]] = []
    server = await start_server(
        publish_hooks=recorder(told, "publish", PUBLISH_HOOKS),
        play_hooks=recorder(told, "play", PLAY_HOOKS),
        settings=Settings(mounts=MountSettings(grace_s=0)),
    )
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    headers = {"Session": reader.session}
    assert (await reader.peer.ask("PAUSE", reader.url, headers)).status == 200
    assert (await reader.peer.ask("PLAY", reader.url, headers)).status == 200
    assert (await reader.peer.ask("TEARDOWN", reader.url, headers)).status == 200
    await publisher.peer.ask("TEARDOWN", publisher.url, {"Session": publisher.session})
    await server.stop()

    p, r = publisher.session, reader.session
    on_mount = [one[:2] + one[3:] for one in told if one[2] == "/a"]
    publish = [one for one in on_mount if one[0] == "publish"]
    assert publish == [
        ("publish", "mount_opened"),
        ("publish", "publisher_started", p),
        ("publish", "mount_now_empty"),
        ("publish", "publisher_stopped", p),
        ("publish", "mount_closed"),
    ]
    play = [one for one in on_mount if one[0] == "play"]
    assert play == [
        ("play", "mount_opened"),
        ("play", "reader_started", r),
        ("play", "reader_stopped", r),
        ("play", "mount_now_empty"),
        ("play", "client_close", r),
        ("play", "mount_closed"),
    ]
    of_sessions = [one for one in told if one[2] != "/a"]
    assert of_sessions.index(("publish", "session_opened", p)) < of_sessions.index(
        ("publish", "session_closed", p)
    )
    assert of_sessions.index(("play", "session_opened", r)) < of_sessions.index(
        ("play", "session_closed", r)
    )
    assert len(of_sessions) == 4


@pytest.mark.parametrize("leave", ["abort", "idle", "stop", "mount closed", "session closed"])
async def test_pairs_are_closed_on_every_way_out(
    start_server: ServerFactory, clock: Any, leave: str
) -> None:
    told: list[tuple[str, ...]] = []
    server = await start_server(
        publish_hooks=recorder(told, "publish", PUBLISH_HOOKS),
        play_hooks=recorder(told, "play", PLAY_HOOKS),
        settings=Settings(mounts=MountSettings(grace_s=0)),
    )
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    # A hook that is under way when the clock is moved would be late.
    await wait_for(lambda: {"publisher_started", "reader_started"} <= {one[1] for one in told})
    match leave:
        case "abort":
            publisher.peer.abort()
        case "idle":
            clock.advance(12)
        case "mount closed":
            assert await server.close_mount("/a")
        case "session closed":
            assert await server.close_session(publisher.session)
    if leave != "stop":
        await wait_for(lambda: not server.sessions)
    await server.stop()
    names = [(side, name) for side, name, *_ in told]
    for side, pairs in (
        ("publish", [("mount_opened", "mount_closed"), ("session_opened", "session_closed")]),
        ("publish", [("publisher_started", "publisher_stopped")]),
        ("play", [("mount_opened", "mount_closed"), ("session_opened", "session_closed")]),
        ("play", [("reader_started", "reader_stopped"), ("reader_started", "client_close")]),
    ):
        for start, end in pairs:
            assert names.count((side, start)) == 1
            assert names.count((side, end)) == 1
            assert names.index((side, start)) < names.index((side, end))
    assert reader.session in {one[3] for one in told if one[1] == "client_close"}


async def test_notifications_that_hang_or_raise_delay_nobody(
    start_server: ServerFactory, caplog: pytest.LogCaptureFixture
) -> None:
    hanging = asyncio.Event()

    async def hang(_: object) -> None:
        hanging.set()
        await asyncio.Event().wait()

    def broken(_: object) -> None:
        raise RuntimeError("no room for notes")

    settings = Settings(hooks=HookSettings(timeout_s=30, stop_grace_s=0.05))
    hooks = Hooks(session_opened=broken, mount_opened=hang)
    server = await start_server(publish_hooks=hooks, settings=settings)
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await hanging.wait()
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    sent = await publisher.send()
    assert await reader.peer.frame() == (0, sent[0])
    await wait_for(lambda: "no room for notes" in caplog.text)
    with caplog.at_level(logging.ERROR):
        await server.stop()
    assert "notifications cut off at stop" in events(caplog.records)


async def test_one_object_on_both_sides_is_told_once(start_server: ServerFactory) -> None:
    told: list[str] = []
    hooks = {
        "mount_opened": lambda mount: told.append(f"opened {mount.path}"),
        "publisher_started": lambda mount: told.append("published"),
        "reader_started": lambda mount: told.append("read"),
    }
    server = await start_server(publish_hooks=hooks, play_hooks=hooks)
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await TcpReader.start(server.play_port, server.play_url("/a"))
    await server.stop()
    assert sorted(told) == ["opened /a", "published", "read"]


async def test_hooks_on_the_wrong_side_are_refused() -> None:
    with pytest.raises(ValueError, match="client_close is never called on the publish side"):
        RtspServer(publish_hooks={"client_close": lambda _: None})
    with pytest.raises(ValueError, match="give it in publish_hooks"):
        RtspServer(play_hooks=Hooks(publisher_started=lambda _: None))
    server = RtspServer(host="127.0.0.1", publish_port=0)
    server.publish_hooks.on("reader_started")(lambda _: None)
    with pytest.raises(ValueError, match="reader_started is never called"):
        await server.start()
    assert not server.running


async def test_hooks_are_asked_once_for_describe_and_its_setups(
    start_server: ServerFactory,
) -> None:
    asked: list[str] = []

    def check(request: HookRequest) -> bool:
        asked.append(request.method)
        return True

    server = await start_server(publish_hooks={"check_mount": check}, play_hooks=None)
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    assert asked == ["ANNOUNCE"]


async def test_what_a_connection_was_allowed_is_remembered_for_a_bounded_number_of_paths(
    start_server: ServerFactory,
) -> None:
    asked: list[str] = []

    def check(request: HookRequest) -> bool:
        asked.append(request.path)
        return True

    server = await start_server(play_hooks={"check_mount": check})
    peer = await RtspPeer.connect(server.play_port)
    paths = [f"/{number}" for number in range(65)]
    for path in (*paths, paths[-1], paths[0]):
        assert (await peer.ask("DESCRIBE", server.play_url(path))).status == 404
    assert asked == [*paths, paths[0]], "the oldest was forgotten, the latest was not"

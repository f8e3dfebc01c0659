"""The hooks of one side at work."""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass
from typing import Any

import pytest
from logged import event_of, events

from headwater.hooks import (
    Allowed,
    HookFailed,
    HookRequest,
    HookRunner,
    Hooks,
    HookSettings,
    HookTimedOut,
    Redirect,
    Refused,
    notify_both,
)
from headwater.side import Side

DEADLINE_S = 10.0


@dataclass(frozen=True)
class _Mount:
    path: str


@dataclass(frozen=True)
class _Session:
    id: str


REQUEST = HookRequest.of(
    method="DESCRIBE",
    uri="rtsp://h/a",
    path="/a",
    query="",
    headers=[("Authorization", "Basic aHVudGVyOmh1bnRlcjI=")],
    peer=("192.0.2.7", 50000),
    side=Side.PLAY,
)


def _runner(hooks: Hooks, side: Side = Side.PLAY, **settings: float) -> HookRunner:
    return HookRunner(hooks, side, HookSettings(**settings))  # type: ignore[arg-type]


async def test_without_hooks_everything_is_allowed() -> None:
    runner = HookRunner(Hooks(), Side.PLAY)
    assert await runner.authentication("u", "p", REQUEST)
    assert await runner.check_mount(REQUEST) == Allowed()
    runner.notify("mount_opened", _Mount("/a"))
    assert not runner.has("check_mount")
    await runner.aclose()


async def test_authentication_hook_of_the_seed() -> None:
    hooks = Hooks()

    @hooks.authentication
    async def authentication(username: str, password: str) -> bool:
        return username == "test" and password == "test"

    runner = HookRunner(hooks, Side.PUBLISH)
    assert runner.has("authentication")
    assert await runner.authentication("test", "test", REQUEST)
    assert not await runner.authentication("test", "wrong", REQUEST)
    assert not await runner.authentication("", "", REQUEST)
    assert runner.counters["authentication"].calls == 3
    await runner.aclose()


async def test_check_mount_hook_of_the_seed() -> None:
    def check_mount(request: HookRequest) -> bool | int:
        if request.path == "/test/1":
            return True
        return 503 if request.method == "DESCRIBE" else False

    runner = HookRunner(Hooks(check_mount=check_mount), Side.PLAY)
    assert await runner.check_mount(REQUEST) == Refused(503)
    await runner.aclose()


async def test_check_mount_may_redirect() -> None:
    runner = HookRunner(Hooks(check_mount=lambda request: "rtsp://edge" + request.path), Side.PLAY)
    assert await runner.check_mount(REQUEST) == Redirect("rtsp://edge/a")
    await runner.aclose()


async def test_unusable_answers_are_failures_that_say_what_is_allowed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hooks = Hooks(authentication=lambda *_: None, check_mount=lambda _: 200)  # type: ignore[arg-type]
    runner = HookRunner(hooks, Side.PLAY)
    with pytest.raises(HookFailed, match="hook authentication returned None; allowed: True or Fal"):
        await runner.authentication("u", "p", REQUEST)
    with pytest.raises(HookFailed, match="hook check_mount returned 200; allowed: True, False, a"):
        await runner.check_mount(REQUEST)
    for record in caplog.records:
        assert event_of(record) == "hook gave no usable answer"
        assert "allowed: True" in record.__dict__["cause"]
        assert record.__dict__["mount"] == "/a"
        assert record.__dict__["peer"] == "192.0.2.7:50000"
    assert runner.counters["check_mount"].failures == 1
    await runner.aclose()


async def test_a_hung_question_delays_no_other() -> None:
    released = threading.Event()

    def check_mount(request: HookRequest) -> bool:
        return request.path == "/quick" or released.wait(DEADLINE_S)

    runner = _runner(Hooks(check_mount=check_mount), timeout_s=0.1, max_threads=1)
    hung = asyncio.create_task(runner.check_mount(REQUEST))
    with pytest.raises(HookTimedOut):
        await hung
    quick = HookRequest(
        method="DESCRIBE",
        uri="rtsp://h/quick",
        scheme="rtsp",
        path="/quick",
        peer=("h", 1),
        side=Side.PLAY,
    )
    assert await runner.check_mount(quick) == Allowed()
    released.set()
    await runner.aclose()


async def test_slow_notifications_take_no_thread_from_questions() -> None:
    released = threading.Event()
    begun = threading.Event()

    def mount_opened(mount: _Mount) -> None:
        begun.set()
        released.wait(DEADLINE_S)

    runner = _runner(Hooks(mount_opened=mount_opened, check_mount=lambda _: True), max_threads=1)
    runner.notify("mount_opened", _Mount("/a"))
    assert await asyncio.to_thread(begun.wait, DEADLINE_S)
    assert await runner.check_mount(REQUEST) == Allowed()
    released.set()
    await runner.aclose()


async def test_notifications_of_one_mount_come_in_order_to_every_function() -> None:
    told: list[str] = []

    async def slowly(mount: _Mount) -> None:
        await asyncio.sleep(0)
        told.append(f"first {mount.path}")

    def broken(mount: _Mount) -> None:
        raise LookupError

    def quickly(mount: _Mount) -> None:
        told.append(f"second {mount.path}")

    async def left(mount: _Mount, session: _Session) -> None:
        told.append(f"{session.id} left {mount.path}")

    runner = HookRunner(Hooks(mount_opened=[slowly, broken, quickly], client_close=left), Side.PLAY)
    runner.notify("mount_opened", _Mount("/a"))
    runner.notify("client_close", _Mount("/a"), _Session("s"))
    await runner.aclose()
    assert told == ["first /a", "second /a", "s left /a"]
    assert runner.counters["mount_opened"].failures == 1


async def test_sessions_are_told_in_order_too() -> None:
    told: list[object] = []

    def opened(session: object) -> None:
        told.append(session)

    async def closed(session: object) -> None:
        told.append(session)

    runner = HookRunner(Hooks(session_opened=opened, session_closed=closed), Side.PLAY)
    sessions = [_Session("s"), _Session("s"), "anything", "anything"]
    for name, session in zip(["session_opened", "session_closed"] * 2, sessions, strict=True):
        runner.notify(name, session)
    await runner.aclose()
    assert [s for s in told if isinstance(s, _Session)] == sessions[:2]
    assert told.count("anything") == 2


async def test_dropped_notifications_are_counted_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    release = asyncio.Event()

    async def mount_opened(mount: _Mount) -> None:
        await release.wait()

    runner = _runner(Hooks(mount_opened=mount_opened), max_pending_notifications=1)
    for _ in range(4):
        runner.notify("mount_opened", _Mount("/a"))
    assert runner.counters["mount_opened"].dropped == 3
    assert events(caplog.records) == ["notification dropped"] * 3
    assert [record.__dict__["dropped"] for record in caplog.records] == [1, 2, 3]
    assert {record.__dict__["mount"] for record in caplog.records} == {"/a"}
    release.set()
    await runner.aclose()


async def test_stop_gives_ends_their_time_then_cuts_them_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[str] = []

    async def client_close(mount: _Mount) -> None:
        if mount.path == "/hung":
            await asyncio.Event().wait()
        told.append(mount.path)

    runner = _runner(Hooks(client_close=client_close), stop_grace_s=0.1)
    runner.notify("client_close", _Mount("/hung"), _Session("1"))
    runner.notify("client_close", _Mount("/quick"), _Session("2"))
    await runner.aclose()
    assert told == ["/quick"]
    assert event_of(caplog.records[0]) == "notifications cut off at stop"
    assert caplog.records[0].__dict__["hooks"] == ["client_close"]


async def test_mount_events_reach_shared_hooks_once() -> None:
    told: list[str] = []
    shared = Hooks(mount_closed=lambda mount: told.append(mount.path))
    publish, play = HookRunner(shared, Side.PUBLISH), HookRunner(shared, Side.PLAY)
    notify_both(publish, play, "mount_closed", _Mount("/shared"))
    other = HookRunner(Hooks(mount_closed=lambda mount: told.append("other")), Side.PLAY)
    notify_both(publish, other, "mount_closed", _Mount("/both"))
    for runner in (publish, play, other):
        await runner.aclose()
    assert sorted(told) == ["/both", "/shared", "other"]


async def test_credentials_reach_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def leaky(username: str, password: str, request: HookRequest) -> bool:
        raise LookupError(f"{username} {password} {request!r} {dict(request.headers)}")

    async def hung(username: str, password: str) -> bool:
        await asyncio.Event().wait()
        return True

    functions: list[Any] = [leaky, hung, lambda username, password: password]
    for function in functions:
        runner = _runner(Hooks(authentication=function), timeout_s=0.2)
        with pytest.raises((HookFailed, HookTimedOut)) as info:
            await runner.authentication("hunter", "hunter2", REQUEST)
        assert "hunter2" not in repr(info.value) + repr(info.value.__cause__)
        await runner.aclose()
    assert len(caplog.records) == 3
    for record in caplog.records:
        assert "hunter2" not in caplog.handler.format(record) + repr(record.__dict__)
    assert "aHVudGVy" not in caplog.text

"""What happens is told to the owner's server: signed, in order, again if need be, and bounded."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from inside import inside
from logged import events
from owner_web import Asked, OwnerWeb, answer_of
from rtsp_peer import TcpPublisher, TcpReader
from server_rig import ServerFactory
from waiting import holds

from headwater import HookSettings, Settings, WebhookSettings
from headwater.callouts import webhook as module
from headwater.callouts.webhook import Webhook
from headwater.hooks.table import HOOKS
from headwater.relay.events import Event, EventName

Maker = Callable[..., Webhook]


class Pauses:
    """The pauses that were asked for; none of them is made."""

    def __init__(self) -> None:
        self.asked_s: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked_s.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
async def owner() -> AsyncIterator[OwnerWeb]:
    async with OwnerWeb() as web:
        yield web


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
async def make(owner: OwnerWeb, pauses: Pauses) -> AsyncIterator[Maker]:
    made: list[Webhook] = []

    def make_one(**settings: Any) -> Webhook:
        chosen = WebhookSettings(url=owner.url, **settings)
        made.append(Webhook(chosen, asyncio.get_running_loop().time, sleep=pauses))
        return made[-1]

    yield make_one
    for each in made:
        await each.aclose(0)


def event(path: str = "/a", name: EventName = EventName.MOUNT_OPENED, cause: str = "") -> Event:
    return Event(name, path, cause=cause)


def test_events_are_those_of_the_hooks_that_are_only_told() -> None:
    assert {name.value for name in EventName} == {p.name for p in HOOKS if not p.may_refuse}


async def test_what_is_sent_can_be_proved(make: Maker, owner: OwnerWeb) -> None:
    key = base64.b64encode(b"k" * 24).decode()
    make(secret=f"whsec_{key}").put(event(cause="x"))
    (asked,) = await owner.until_asked(1)
    told = asked.json
    assert (told["type"], told["data"]) == (
        "mount_opened",
        {"path": "/a", "session": None, "cause": "x"},
    )
    assert told["timestamp"].endswith("+00:00")
    message_id, at_s = asked.headers["webhook-id"], asked.headers["webhook-timestamp"]
    signed = f"{message_id}.{at_s}.".encode() + asked.body
    proof = base64.b64encode(hmac.new(b"k" * 24, signed, hashlib.sha256).digest()).decode()
    assert asked.headers["webhook-signature"] == f"v1,{proof}"
    assert asked.headers["content-type"] == "application/json"


async def test_a_server_tells_all_that_hooks_hear(
    start_server: ServerFactory, owner: OwnerWeb
) -> None:
    hooks = HookSettings(webhooks=(WebhookSettings(url=owner.url),))
    server = await start_server(settings=Settings(hooks=hooks))
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    await reader.peer.ask("TEARDOWN", reader.url, {"Session": reader.session})
    await publisher.peer.ask("TEARDOWN", publisher.url, {"Session": publisher.session})
    told = [asked.json for asked in await owner.until_asked(12)]
    by_type = {each["type"]: each["data"] for each in told}
    assert set(by_type) == {name.value for name in EventName} - {"source_changed"}
    assert by_type["reader_stopped"]["session"]["id"] == reader.session
    assert by_type["reader_stopped"]["cause"] == "teardown"
    order = [each["type"] for each in told]
    assert order[0] == "session_opened"
    assert order.index("publisher_started") < order.index("reader_started")


async def test_events_of_a_mount_keep_their_order_and_mounts_go_beside_each_other(
    make: Maker, owner: OwnerWeb
) -> None:
    goes_on = asyncio.Event()

    async def slow_for_a(asked: Asked) -> bytes:
        if asked.json["data"]["path"] == "/a":
            await goes_on.wait()
        return answer_of(200)

    owner.answer = slow_for_a
    hook = make()
    for number in range(5):
        hook.put(event("/a", cause=str(number)))
    hook.put(event("/b"))
    await owner.until_asked(2)
    assert sorted(asked.json["data"]["path"] for asked in owner.asked) == ["/a", "/b"]
    goes_on.set()
    await owner.until_asked(6)
    causes = [a.json["data"]["cause"] for a in owner.asked if a.json["data"]["path"] == "/a"]
    assert causes == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("how", ["error", "breaks", "gone", "slow", "moved"])
async def test_it_is_sent_again_with_longer_and_longer_pauses(
    make: Maker, owner: OwnerWeb, pauses: Pauses, how: str
) -> None:
    async def slow(_: Asked) -> bytes:
        await asyncio.sleep(30)
        return b""

    answers: dict[str, Any] = {
        "error": lambda _: answer_of(503),
        "breaks": lambda _: b"",
        "gone": lambda _: answer_of(200),
        "slow": slow,
        "moved": lambda _: answer_of(308, headers="Location: http://127.0.0.1:1/\r\n"),
    }
    owner.answer = answers[how]
    if how == "gone":
        await owner.go_away()
    hook = make(timeout_s=0.2, retries=100_000)
    hook.put(event())
    await holds(lambda: len(pauses.asked_s) >= 3)
    owner.answer = lambda _: answer_of(204)
    if how == "gone":
        await owner.listen()
    await holds(lambda: hook.counters.sent == 1)
    assert pauses.asked_s[:3] == [1.0, 2.0, 4.0]
    assert max(pauses.asked_s) <= 60.0
    assert hook.counters.tried_again == len(pauses.asked_s)
    # Who gets one twice can tell.
    assert len({asked.headers["webhook-id"] for asked in owner.asked}) == 1


async def test_what_is_never_taken_is_dropped_and_told(
    make: Maker, owner: OwnerWeb, pauses: Pauses, caplog: pytest.LogCaptureFixture
) -> None:
    owner.answer = lambda asked: answer_of(500 if asked.json["data"]["cause"] == "bad" else 200)
    hook = make(retries=2)
    hook.put(event(cause="bad"))
    hook.put(event(cause="good"))
    await holds(lambda: hook.counters.sent == 1)
    assert (hook.counters.dropped, hook.counters.tried_again) == (1, 2)
    assert len(owner.asked) == 4
    assert events(caplog.records) == ["event for a webhook dropped"]
    assert "status 500" in vars(caplog.records[0])["cause"]


async def test_a_full_queue_drops_what_comes_and_keeps_room_for_ends(
    make: Maker, owner: OwnerWeb, caplog: pytest.LogCaptureFixture
) -> None:
    goes_on = asyncio.Event()

    async def held(_: Asked) -> bytes:
        await goes_on.wait()
        return answer_of(200)

    owner.answer = held
    hook = make(most_waiting=3)
    for number in range(10):
        hook.put(event(cause=str(number)))
    hook.put(event(name=EventName.MOUNT_CLOSED))
    assert hook.counters.dropped == 7
    assert "3 events are waiting" in vars(caplog.records[0])["cause"]
    goes_on.set()
    await owner.until_asked(4)
    assert [asked.json["type"] for asked in owner.asked][-1] == "mount_closed"


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"events": ("mount_closed",)}, [("mount_closed", "/a"), ("mount_closed", "/cams/b")]),
        ({"path": "cams/*"}, [("mount_opened", "/cams/b"), ("mount_closed", "/cams/b")]),
    ],
)
async def test_only_what_the_owner_wants(
    make: Maker, owner: OwnerWeb, settings: dict[str, Any], sent: list[tuple[str, str]]
) -> None:
    hook = make(**settings)
    for path in ("/a", "/cams/b"):
        for name in (EventName.MOUNT_OPENED, EventName.MOUNT_CLOSED):
            hook.put(event(path, name))
    await owner.until_asked(len(sent))
    found = [(asked.json["type"], asked.json["data"]["path"]) for asked in owner.asked]
    assert sorted(found) == sorted(sent)


async def test_the_stop_waits_a_while_for_what_waits(
    start_server: ServerFactory, owner: OwnerWeb, caplog: pytest.LogCaptureFixture
) -> None:
    hooks = HookSettings(webhooks=(WebhookSettings(url=owner.url),), stop_grace_s=20)
    server = await start_server(settings=Settings(hooks=hooks))
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await server.stop()
    told = [asked.json["type"] for asked in owner.asked]
    assert {"publisher_stopped", "mount_closed", "session_closed"} <= set(told)
    # One that takes nothing does not hold the stop up.
    await owner.go_away()
    hooks = replace(hooks, stop_grace_s=0.1)
    server = await start_server(settings=Settings(hooks=hooks))
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    caplog.clear()
    await server.stop()
    assert "events for a webhook dropped at the stop" in events(caplog.records)


async def test_webhooks_change_while_the_server_runs(
    start_server: ServerFactory, owner: OwnerWeb
) -> None:
    server = await start_server()
    assert not inside(server).relay.events.wanted
    hooks = HookSettings(webhooks=(WebhookSettings(url=owner.url),))
    await server.apply(replace(server.settings, hooks=hooks))
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await owner.until_asked(3)
    await server.apply(replace(server.settings, hooks=HookSettings()))
    assert not inside(server).relay.events.wanted


def test_the_log_says_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    settings = WebhookSettings(url="http://ann:hush@127.0.0.1:9/x?token=hush", secret="hush")
    hook = Webhook(settings, lambda: 0.0)
    hook._drop(module._Message.of(event()), "x")
    text = str([vars(record) for record in caplog.records])
    assert "127.0.0.1" in text
    assert "hush" not in text
    assert "secret=" not in repr(settings)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"url": "ftp://x"}, "url is"),
        ({"url": "http://"}, "url is"),
        ({"url": "http://x", "events": ("authentication",)}, "events has 'authentication'"),
        ({"url": "http://x", "events": ("nothing",)}, "events has 'nothing'"),
        ({"url": "http://x", "path": "../a"}, "dot segment"),
        ({"url": "http://x", "timeout_s": 0}, "timeout_s"),
        ({"url": "http://x", "retries": -1}, "retries"),
        ({"url": "http://x", "at_once": 0}, "at_once"),
        ({"url": "http://x", "most_waiting": 0}, "most_waiting"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        WebhookSettings(**settings)

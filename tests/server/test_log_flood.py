"""Whatever peers do over and over is answered each time and logged in part."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from digest_client import basic
from logged import event_of, events
from rtsp_peer import SDP, SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader
from udp_peer import wait_for

from headwater import HookRequest, Hooks, LimitSettings, MountSettings, RtspServer, Settings
from headwater.access.settings import AccessSettings, UserSettings
from headwater.log_pace import EVENTS, FAULTS, PACE
from headwater.media.settings import SecondPublisher

ServerFactory = Callable[..., Awaitable[RtspServer]]

MANY = 300
FAST = LimitSettings(requests_per_s=100_000, connections_per_address=10_000)
SDP_HEADERS = {"Content-Type": "application/sdp"}


class Lines:
    """How often each message was logged, and how many of them are told to be left out."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    @property
    def by_message(self) -> Counter[str]:
        return Counter(events(self._caplog.records))

    def left_out(self, message: str) -> int:
        records = [vars(record) for record in self._caplog.records if event_of(record) == message]
        return sum(fields.get("left_out", 0) for fields in records)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Lines:
    """What is logged while the pace's clock stands still."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(PACE, "clock", lambda: 0.0)
    return Lines(caplog)


async def describe(server: RtspServer, path: str, headers: dict[str, str] | None = None) -> int:
    """Ask many times; the last status."""
    peer = await RtspPeer.connect(server.play_port)
    statuses = {
        (await peer.ask("DESCRIBE", server.play_url(path), headers or {})).status
        for _ in range(MANY)
    }
    [status] = statuses
    return status


async def test_requests_that_are_refused(
    start_server: ServerFactory, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start_server(settings=Settings(limits=FAST))
    assert await describe(server, "/nobody") == 404
    assert lines.by_message["request refused"] == EVENTS.at_once
    garbage = await RtspPeer.connect(server.play_port)
    await garbage.send(b"\x00 \x01 \x02\r\n\r\n")
    await wait_for(lambda: server.counters.answers_by_status[400] == 1)
    assert lines.by_message["request unreadable"] == 1
    monkeypatch.setattr(PACE, "clock", lambda: 1.0)
    assert await describe(server, "/nobody") == 404
    assert lines.left_out("request refused") == MANY - EVENTS.at_once


async def test_hook_that_raises(start_server: ServerFactory, lines: Lines) -> None:
    def check(request: HookRequest) -> bool:
        raise KeyError(request.path)

    server = await start_server(play_hooks=Hooks(check_mount=check), settings=Settings(limits=FAST))
    assert await describe(server, "/a") == 500
    assert lines.by_message["hook failed"] == FAULTS.at_once


async def test_wrong_credentials(start_server: ServerFactory, lines: Lines) -> None:
    users = (UserSettings(name="eye", password="opensesame", read=("/**",)),)
    access = AccessSettings(users=users, address_failure_limit=0, user_failure_limit=0)
    server = await start_server(settings=Settings(limits=FAST, access=access))
    assert await describe(server, "/a", {"Authorization": basic("eye", "guess")}) == 401
    assert lines.by_message["wrong credentials"] == FAULTS.at_once


async def test_multicast_that_cannot_be_had(start_server: ServerFactory, lines: Lines) -> None:
    mounts = MountSettings(multicast_group="239.255.42.9", multicast_interface="192.0.2.77")
    server = await start_server(settings=Settings(limits=FAST, mounts=mounts))
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    peer = await RtspPeer.connect(server.play_port)
    for _ in range(MANY):
        transport = {"Transport": "RTP/AVP;multicast"}
        answer = await peer.ask("SETUP", server.play_url("/a") + "/trackID=0", transport)
        assert answer.status == 461
    assert lines.by_message["multicast refused"] == FAULTS.at_once


async def test_publishers_that_do_not_fit(start_server: ServerFactory, lines: Lines) -> None:
    mounts = MountSettings(on_second_publisher=SecondPublisher.REPLACE)
    server = await start_server(settings=Settings(limits=FAST, mounts=mounts))
    for sdp in (SDP_VIDEO, SDP) * 10:
        await TcpPublisher.start(server.publish_port, server.publish_url("/a"), sdp)
        await TcpReader.start(server.play_port, server.play_url("/a"))
    message = "the new publisher's description does not fit, readers are closed"
    assert lines.by_message[message] == FAULTS.at_once

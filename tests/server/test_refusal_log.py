"""Refused requests are logged one by one while they are few; a flood of them is counted."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from rtsp_peer import RtspPeer
from udp_peer import wait_for

from headwater import LimitSettings, RtspServer, Settings
from headwater.server import timekeeper
from headwater.server.refusal_log import MOST_LINES, RefusalLog

ServerFactory = Callable[..., Awaitable[RtspServer]]


def test_what_a_second_leaves_out_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log = RefusalLog()
    for number in range(MOST_LINES + 7):
        log.note("request refused", {"status": number})
    assert caplog.messages == ["request refused"] * MOST_LINES
    caplog.clear()
    log.begin_second(1.0)
    assert [vars(record)["refused"] for record in caplog.records] == [7]
    log.begin_second(2.0)
    log.note("request refused", {"status": 404})
    assert caplog.messages == ["more requests refused", "request refused"]


async def test_flood_of_wrong_requests_is_answered_in_full_and_logged_in_part(
    start_server: ServerFactory, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(timekeeper, "_SWEEP_INTERVAL_S", 3600)
    settings = Settings(limits=LimitSettings(requests_per_s=100_000))
    server = await start_server(settings=settings)
    service = server._service
    assert service is not None
    peer = await RtspPeer.connect(server.play_port)
    for _ in range(200):
        assert (await peer.ask("DESCRIBE", server.play_url("/nobody"))).status == 404
    assert caplog.messages.count("request refused") == MOST_LINES
    garbage = await RtspPeer.connect(server.play_port)
    await garbage.send(b"\x00 \x01 \x02\r\n\r\n")
    await wait_for(lambda: service.counters.answers_by_status[400] == 1)
    assert "request unreadable" not in caplog.messages
    service.refusal_log.begin_second(0.0)
    [line] = [record for record in caplog.records if record.message == "more requests refused"]
    assert vars(line)["refused"] == 200 - MOST_LINES + 1

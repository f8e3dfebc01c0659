"""How fast requests are taken: none is refused, none overtakes another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from rtsp_peer import RtspPeer

from headwater import RtspServer, Settings
from headwater.relay.limit_settings import LimitSettings
from headwater.server.connections.request_pace import RequestPace

ServerFactory = Callable[..., Awaitable[RtspServer]]


def test_one_second_of_requests_goes_at_once_then_each_waits_its_turn() -> None:
    pace = RequestPace(4.0, now=10.0)
    assert [pace.wait_s(10.0) for _ in range(6)] == [0.0, 0.0, 0.0, 0.0, 0.25, 0.5]


def test_rest_gives_room_again_but_never_more_than_a_second_of_it() -> None:
    pace = RequestPace(4.0, now=0.0)
    assert pace.wait_s(1000.0) == 0.0
    assert [pace.wait_s(1000.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.25]


def test_less_than_one_a_second() -> None:
    pace = RequestPace(0.5, now=0.0)
    assert [pace.wait_s(0.0), pace.wait_s(0.0), pace.wait_s(4.0)] == [0.0, 2.0, 0.0]


@pytest.mark.parametrize("ended", [False, True])
async def test_flood_of_requests_is_answered_in_order_and_slower(
    start_server: ServerFactory, clock: Any, ended: bool
) -> None:
    server = await start_server(settings=Settings(limits=LimitSettings(requests_per_s=50)))
    flood, other = [await RtspPeer.connect(server.play_port) for _ in range(2)]
    await flood.send(b"".join(flood.request("OPTIONS", "*") for _ in range(60)))
    if ended:
        flood.writer.write_eof()
    answers = [await flood.answer() for _ in range(60)]
    assert [answer.header("CSeq") for answer in answers] == [str(n) for n in range(1, 61)]
    assert {answer.status for answer in answers} == {200}
    assert 0 < server.counters.requests_delayed <= 10
    assert (await other.ask("OPTIONS", "*")).status == 200

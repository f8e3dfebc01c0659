"""Rights that end: the owner's check is asked anew, and decides who stays."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from inside import inside
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader
from udp_peer import UdpReader, wait_for

from headwater import (
    Allowed,
    HookRequest,
    Hooks,
    MountSettings,
    RtspServer,
    SessionSettings,
    Settings,
)

ServerFactory = Callable[..., Awaitable[RtspServer]]


PATIENT = Settings(
    mounts=MountSettings(publisher_idle_timeout_s=0),
    sessions=SessionSettings(timeout_s=3600),
)


class Owner:
    """An owner who lets in for a minute, and says what then."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Any = Allowed(for_s=60)

    def check_mount(self, request: HookRequest) -> Any:
        self.asked.append(request.method)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def playing(start_server: ServerFactory, owner: Owner) -> tuple[RtspServer, TcpReader]:
    server = await start_server(play_hooks=Hooks(check_mount=owner.check_mount), settings=PATIENT)
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    return server, await TcpReader.start(server.play_port, server.play_url("/a"))


@pytest.mark.parametrize("answer", [False, 404, "rtsp://elsewhere/a", RuntimeError("no database")])
async def test_whoever_is_refused_then_is_sent_away(
    start_server: ServerFactory, clock: Any, answer: Any
) -> None:
    owner = Owner()
    server, reader = await playing(start_server, owner)
    assert owner.asked == ["DESCRIBE"]
    owner.answer = answer
    clock.advance(61)
    await reader.peer.closed()
    assert owner.asked == ["DESCRIBE", "DESCRIBE"]
    assert server.counters.sessions_closed_by_cause == {"grant ended": 1}


async def test_whoever_is_allowed_again_stays_and_is_asked_when_that_ends(
    start_server: ServerFactory, clock: Any
) -> None:
    owner = Owner()
    server, reader = await playing(start_server, owner)
    end = inside(server).relay.ends.get(reader.session)
    assert end is not None
    for asked in (2, 3):
        before = end.grant
        clock.advance(61)
        await wait_for(lambda: end.grant is not before)  # noqa: B023
        assert len(owner.asked) == asked
    owner.answer = True
    clock.advance(61)
    await wait_for(lambda: end.grant is None)
    assert len(owner.asked) == 4
    answer = await reader.peer.ask("GET_PARAMETER", reader.url, {"Session": reader.session})
    assert answer.status == 200


async def test_a_connection_whose_grant_has_ended_is_asked_for_its_next_request(
    start_server: ServerFactory, clock: Any
) -> None:
    owner = Owner()
    server = await start_server(play_hooks=Hooks(check_mount=owner.check_mount), settings=PATIENT)
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    peer = await RtspPeer.connect(server.play_port)
    for _ in range(2):
        assert (await peer.ask("DESCRIBE", server.play_url("/a"))).status == 200
    assert len(owner.asked) == 1
    clock.advance(59)
    assert (await peer.ask("DESCRIBE", server.play_url("/a"))).status == 200
    assert len(owner.asked) == 1
    clock.advance(2)
    owner.answer = 403
    assert (await peer.ask("DESCRIBE", server.play_url("/a"))).status == 403
    assert len(owner.asked) == 2


async def test_readers_over_udp_go_as_well(start_server: ServerFactory, clock: Any) -> None:
    owner = Owner()
    server = await start_server(play_hooks=Hooks(check_mount=owner.check_mount), settings=PATIENT)
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await UdpReader.start(server.play_port, server.play_url("/a"))
    owner.answer = False
    clock.advance(61)
    await wait_for(lambda: reader.session not in server.sessions)
    assert server.udp_pairs_in_use == 0

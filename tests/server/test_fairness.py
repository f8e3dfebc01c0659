"""The loop belongs to everybody: what one connection may have done in one turn of it."""

from __future__ import annotations

import asyncio
import select
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Self

import pytest
from inside import inside
from rtsp_peer import DEADLINE_S, RtspPeer, TcpPublisher, TcpReader, frame, rtp
from server_rig import LoopClock

from headwater import RtspServer, Settings
from headwater.relay.limit_settings import LimitSettings
from headwater.server.connections.connection import Connection
from headwater.transports.work_turns import KNOWN_AFTER_S, MOST_PER_TURN

ServerFactory = Callable[..., Awaitable[RtspServer]]

WORK_PER_TURN = 8
ENDS_PER_TURN = 16


class MostPerTurn:
    """By how much a count grows at most in one turn of the loop, while the block runs."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self._loop = asyncio.get_running_loop()
        self._seen = count()
        self._over = False
        self.most = 0

    def __enter__(self) -> Self:
        self._look()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True

    def _look(self) -> None:
        seen = self._count()
        self.most, self._seen = max(self.most, seen - self._seen), seen
        if not self._over:
            self._loop.call_soon(self._look)


async def test_requests_of_a_crowd_are_begun_a_few_a_turn(start_server: ServerFactory) -> None:
    server = await start_server()
    peers = [await RtspPeer.connect(server.play_port) for _ in range(60)]
    with MostPerTurn(lambda: server.counters.requests) as turns:
        for peer in peers:
            await peer.send(peer.request("OPTIONS", "*"))
        answers = [await peer.answer() for peer in peers]
    assert [answer.status for answer in answers] == [200] * 60
    assert turns.most <= MOST_PER_TURN


CROWD = 200

has_poll = pytest.mark.skipif(not hasattr(select, "poll"), reason="poll tells what has come")


async def connected(server: RtspServer, count: int) -> list[RtspPeer]:
    """Peers, each of which the server has answered once."""
    peers = [await RtspPeer.connect(server.play_port) for _ in range(count)]
    assert [(await peer.ask("OPTIONS", "*")).status for peer in peers] == [200] * count
    return peers


async def begun_before(server: RtspServer, one: RtspPeer, others: Iterable[RtspPeer]) -> int:
    """Have all ask at once; return how many of the others' requests are begun up to that of one."""
    asking = [*others, one]
    connections: dict[int, Connection] = {
        each.peer_port: each for each in inside(server).connections
    }
    own = connections[one.local_port]
    asked, all_asked = own.requests, server.counters.requests
    there = select.poll()
    for peer in asking:
        peer.writer.write(peer.request("OPTIONS", "*"))
        there.register(connections[peer.local_port].stream._descriptor, select.POLLIN)  # type: ignore[attr-defined]
    # The loop has not turned yet: it finds all of them at once, however busy the machine is.
    assert select_all(there, len(asking))
    for _ in asking:
        if own.requests > asked:
            break
        await asyncio.sleep(0)
    begun = server.counters.requests - all_asked
    assert {(await peer.answer()).status for peer in asking} == {200}
    return begun


def select_all(there: select.poll, count: int) -> bool:
    """Wait until all that are watched can be read, without a turn of the loop."""
    until_s = time.monotonic() + DEADLINE_S
    while len(there.poll(1_000)) < count:
        if time.monotonic() > until_s:
            return False
        time.sleep(0.001)
    return True


@has_poll
async def test_who_is_gone_has_no_turn_any_more(server: RtspServer) -> None:
    one, *others = await connected(server, CROWD)
    open_connections, turns = inside(server).connections, inside(server).rtsp._around.turns
    there = select.poll()
    for connection in open_connections:
        there.register(connection.stream._descriptor, select.POLLIN)  # type: ignore[attr-defined]
    for peer in others:
        peer.writer.write(peer.request("OPTIONS", "*"))
        sock = peer.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.writer.transport.abort()
    # The loop has not turned yet: it finds their requests at once, and then that they are gone.
    assert select_all(there, len(others))
    for _ in range(100_000):
        if len(open_connections) == 1:
            break
        await asyncio.sleep(0)
    assert (len(open_connections), len(turns)) == (1, 0)
    assert (await one.ask("OPTIONS", "*")).status == 200


@has_poll
async def test_who_was_there_before_a_crowd_does_not_wait_for_it(
    server: RtspServer, clock: LoopClock
) -> None:
    [one] = await connected(server, 1)
    clock.advance(2 * KNOWN_AFTER_S)
    with clock.standing():
        crowd = await connected(server, CROWD)
        assert await begun_before(server, one, crowd) <= 2 * MOST_PER_TURN


@has_poll
async def test_who_plays_does_not_wait_for_a_crowd_that_came_with_it(
    server: RtspServer, clock: LoopClock
) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    with clock.standing():
        crowd = await connected(server, CROWD)
        reader = await TcpReader.start(server.play_port, server.play_url("/a"))
        assert await begun_before(server, reader.peer, crowd) <= 2 * MOST_PER_TURN


@has_poll
async def test_who_just_came_does_not_wait_for_hundreds_that_were_there(
    server: RtspServer, clock: LoopClock
) -> None:
    known = await connected(server, CROWD)
    clock.advance(2 * KNOWN_AFTER_S)
    [one] = await connected(server, 1)
    assert await begun_before(server, one, known) <= 2 * MOST_PER_TURN


@pytest.mark.parametrize("body_bytes", [0, 4 * 1024, 64 * 1024])
async def test_requests_in_a_row_are_answered_a_few_a_turn(
    start_server: ServerFactory, body_bytes: int
) -> None:
    server = await start_server(settings=Settings(limits=LimitSettings(requests_per_s=10_000)))
    peer = await RtspPeer.connect(server.play_port)
    count = 200 if not body_bytes else 20
    requests = [peer.request("GET_PARAMETER", "*", body=b"x" * body_bytes) for _ in range(count)]
    with MostPerTurn(lambda: server.counters.requests) as turns:
        await peer.send(b"".join(requests))
        answers = [await peer.answer() for _ in range(count)]
    assert [answer.header("CSeq") for answer in answers] == [str(n + 1) for n in range(count)]
    assert turns.most <= max(1, WORK_PER_TURN // (1 + body_bytes // 1024) + 1)


async def test_frames_in_many_runs_are_taken_a_few_runs_a_turn(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    track = next(iter(inside(server).mounts)).tracks[0]
    # An empty line behind each frame makes a run of its own of it, and a read holds thousands.
    runs = b"".join(frame(0, rtp(seq)) + b"\r\n" for seq in range(2000))
    with MostPerTurn(lambda: track.counters.batches) as turns:
        await publisher.peer.send(runs)
        assert (await publisher.peer.ask("OPTIONS", "*")).status == 200
    assert track.counters.packets == 2000
    assert turns.most <= 2 * WORK_PER_TURN


async def test_a_body_counts_against_the_pace_of_requests(
    start_server: ServerFactory, clock: Any
) -> None:
    server = await start_server(settings=Settings(limits=LimitSettings(requests_per_s=20)))
    peer = await RtspPeer.connect(server.play_port)
    answers = [await peer.ask("GET_PARAMETER", "*", {}, b"x" * 100_000) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert server.counters.requests_delayed == 1


async def test_what_waits_behind_a_request_under_way_meets_no_deadline(
    start_server: ServerFactory, clock: Any
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        async def check_mount(self, request: object) -> bool:
            asked.set()
            await go_on.wait()
            return True

    limits = LimitSettings(request_timeout_s=0.05)
    server = await start_server(settings=Settings(limits=limits), play_hooks=Slow())
    peer = await RtspPeer.connect(server.play_port)
    await peer.send(peer.request("DESCRIBE", server.play_url("/a")) + peer.request("OPTIONS", "*"))
    await asked.wait()
    clock.advance(1.0)
    await asyncio.sleep(0.1)  # several looks at the deadlines, which come every 0.02 s
    go_on.set()
    assert [(await peer.answer()).status for _ in range(2)] == [404, 200]


async def test_readers_of_a_mount_that_closes_end_a_few_a_turn(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    readers = [await TcpReader.start(server.play_port, server.play_url("/a")) for _ in range(50)]
    closed = server.counters.sessions_closed_by_cause
    with MostPerTurn(lambda: sum(closed.values())) as turns:
        await publisher.peer.ask("TEARDOWN", publisher.url, {"Session": publisher.session})
        assert await server.close_mount("/a")
        # The path is free for the next publisher at once, whoever still waits for the end.
        await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
        for reader in readers:
            await reader.peer.closed()
    assert sum(closed.values()) == 51
    assert turns.most <= ENDS_PER_TURN

"""Peers that ask and do not read: what waits for them is bounded, and they are closed in time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from inside import inside
from rtsp_peer import SDP_VIDEO, RtspPeer, TcpPublisher
from udp_peer import wait_for

from headwater import LimitSettings, MountSettings, RtspServer, Settings, SocketSettings
from headwater.server.connections.connection import Connection
from headwater.server.connections.unread_answers import MOST_UNREAD_BYTES

ServerFactory = Callable[..., Awaitable[RtspServer]]

SMALL_BUFFERS = SocketSettings(tcp_send_buffer_bytes=4096, tcp_unsent_bytes=0)
DESCRIPTION = SDP_VIDEO + b"a=x-long:" + b"x" * 8000 + b"\r\n"
STALL_S = 100.0
"""More than a test takes on a busy machine: only the clock of the test gets there."""
MOST_QUEUED_BYTES = MOST_UNREAD_BYTES + 2 * len(DESCRIPTION)


async def server_with(start_server: ServerFactory, **limits: Any) -> RtspServer:
    # On a busy machine a test takes its time before it reads.
    patience = dict.fromkeys(
        ("write_stall_timeout_s", "request_timeout_s", "idle_connection_timeout_s"), 6 * STALL_S
    )
    return await start_server(
        settings=Settings(
            limits=LimitSettings(**{"requests_per_s": 1e9} | patience | limits),
            mounts=MountSettings(publisher_idle_timeout_s=0.0),
            sockets=SMALL_BUFFERS,
        )
    )


async def greedy_peer(server: RtspServer) -> RtspPeer:
    """A peer whose own buffers take nearly nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", server.play_port))
    peer = await RtspPeer.over(sock)
    peer.stop_reading()
    return peer


def connection_of(server: RtspServer, peer: RtspPeer) -> Connection:
    (connection,) = (c for c in inside(server).connections if c.peer_port == peer.local_port)
    return connection


async def held(connection: Connection) -> None:
    """Until the server has stopped answering, requests of the peer waiting."""
    await wait_for(lambda: connection._answers_taken is not None)


async def ask_for_ever(peer: RtspPeer, count: int) -> int:
    """Send DESCRIBE after DESCRIBE; how many fit into the peer's own queue."""
    for _ in range(count):
        peer.writer.write(peer.request("DESCRIBE", "rtsp://127.0.0.1/cam"))
    return count


async def test_a_peer_that_asks_and_does_not_read_is_read_no_further(
    start_server: ServerFactory,
) -> None:
    server = await server_with(start_server)
    await TcpPublisher.start(server.publish_port, "rtsp://127.0.0.1/cam", DESCRIPTION)
    peer = await greedy_peer(server)
    asked = await ask_for_ever(peer, 5000)
    connection = connection_of(server, peer)
    await held(connection)
    assert connection.stream.queued_bytes <= MOST_QUEUED_BYTES
    assert connection.requests < 100
    # It is served on as soon as it reads, and misses nothing.
    peer.resume_reading()
    for number in range(1, asked + 1):
        answer = await peer.answer()
        assert (answer.status, answer.header("CSeq")) == (200, str(number))
        assert connection.stream.queued_bytes <= MOST_QUEUED_BYTES


@pytest.mark.parametrize("trickle_bytes", [0, 3000])
async def test_it_is_closed_in_time_although_it_reads_a_little(
    start_server: ServerFactory, clock: Any, trickle_bytes: int
) -> None:
    server = await server_with(start_server, write_stall_timeout_s=STALL_S)
    await TcpPublisher.start(server.publish_port, "rtsp://127.0.0.1/cam", DESCRIPTION)
    peer = await greedy_peer(server)
    sock = peer.writer.get_extra_info("socket")
    await ask_for_ever(peer, 1000)
    connection = connection_of(server, peer)
    await held(connection)
    for _ in range(6):
        clock.advance(STALL_S / 5)
        if trickle_bytes:
            # Nothing may be there yet, and it may be closed already.
            with contextlib.suppress(BlockingIOError, ConnectionError):
                os.read(sock.fileno(), trickle_bytes)
        # The server has its turns meanwhile, and sweeps.
        publisher = await RtspPeer.connect(server.play_port)
        await publisher.ask("OPTIONS", "*")
    await wait_for(lambda: connection.closed)
    assert server.counters.connections_closed_by_cause == {"write_stall_timeout_s": 1}


async def test_refusals_of_what_is_no_request_wait_as_answers_do(
    start_server: ServerFactory,
) -> None:
    server = await server_with(start_server)
    peer = await greedy_peer(server)
    url = "rtsp://127.0.0.1/" + "x" * 5000
    peer.writer.write(b"".join(peer.request("OPTIONS", url) for _ in range(20_000)))
    connection = connection_of(server, peer)
    await held(connection)
    assert connection.stream.queued_bytes <= MOST_UNREAD_BYTES + 1000
    peer.resume_reading()
    assert (await peer.answer()).status == 414


async def test_where_readers_have_spent_their_total_their_answers_wait_as_well(
    start_server: ServerFactory,
) -> None:
    server = await server_with(start_server, reader_queue_bytes_total=1)
    url = "rtsp://127.0.0.1/cam"
    await TcpPublisher.start(server.publish_port, url, DESCRIPTION)
    peer = await greedy_peer(server)
    transport = "RTP/AVP/TCP;unicast;interleaved=0-1"
    peer.resume_reading()
    assert (await peer.ask("SETUP", f"{url}/trackID=0", {"Transport": transport})).status == 200
    peer.stop_reading()
    await ask_for_ever(peer, 100)
    connection = connection_of(server, peer)
    await held(connection)
    assert connection.unread_bytes <= len(DESCRIPTION) + 1000


async def test_the_total_of_answers_bounds_what_many_make_wait(start_server: ServerFactory) -> None:
    server = await server_with(start_server, answer_queue_bytes_total=1)
    await TcpPublisher.start(server.publish_port, "rtsp://127.0.0.1/cam", DESCRIPTION)
    peers = [await greedy_peer(server) for _ in range(5)]
    for peer in peers:
        await ask_for_ever(peer, 100)
    for peer in peers:
        connection = connection_of(server, peer)
        await held(connection)
        assert connection.stream.queued_bytes <= 3 * len(DESCRIPTION)
    told = server.counters.refused_by_limit
    await wait_for(lambda: told["limits.answer_queue_bytes_total"] > 0)


async def test_one_peer_that_pipelines_leaves_turns_to_others(start_server: ServerFactory) -> None:
    """Between two answers to the one, the other is answered too: counted in answers, not time."""
    server = await server_with(start_server)
    busy, calm = [await RtspPeer.connect(server.play_port) for _ in range(2)]
    await calm.ask("OPTIONS", "*")
    await busy.send(b"".join(busy.request("OPTIONS", "*") for _ in range(2000)))
    await busy.answer()
    connection = connection_of(server, busy)
    before = connection.requests
    await calm.ask("OPTIONS", "*")
    assert connection.requests - before < 200
    for _ in range(1999):
        assert (await busy.answer()).status == 200

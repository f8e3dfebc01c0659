"""Deadlines: peers that keep the server waiting are closed, and counted by what they missed."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader, frame, rtp
from udp_peer import wait_for

from headwater import MountSettings, RtspServer, Settings
from headwater.media.settings import SlowReaderPolicy
from headwater.server.settings import LimitSettings

ServerFactory = Callable[..., Awaitable[RtspServer]]


async def test_connection_that_says_nothing_is_closed(server: RtspServer, clock: Any) -> None:
    silent = await RtspPeer.connect(server.play_port)
    spoken = await RtspPeer.connect(server.play_port)
    assert (await spoken.ask("OPTIONS", "*")).status == 200
    clock.advance(11)
    assert await silent.closed() == b""
    assert server.counters.connections_closed_by_cause == {"first_byte_timeout_s": 1}
    assert (await spoken.ask("OPTIONS", "*")).status == 200


@pytest.mark.parametrize(
    "beginning",
    [
        b"OPTIO",
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n",
        b"ANNOUNCE rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 100\r\n\r\nv=0",
        b"$\x00\x00\xff half a frame",
    ],
)
async def test_request_that_never_ends_is_408_and_closed(
    server: RtspServer, clock: Any, beginning: bytes
) -> None:
    peer = await RtspPeer.connect(server.play_port)
    await peer.send(beginning)
    await wait_for(lambda: _began(server))
    clock.advance(11)
    assert (await peer.closed()).startswith(b"RTSP/1.0 408 ")
    assert server.counters.connections_closed_by_cause == {"request_timeout_s": 1}


def _began(server: RtspServer) -> bool:
    service = server._service
    assert service is not None
    return any(one.message_began_s is not None for one in service.connections)


async def test_slow_loris_gets_no_longer_by_a_byte_now_and_then(
    server: RtspServer, clock: Any
) -> None:
    peer = await RtspPeer.connect(server.play_port)
    service = server._service
    assert service is not None
    await peer.send(b"OPTIONS * RTSP/1.0\r\n")
    await wait_for(lambda: _began(server))
    for byte in b"X-Slow":
        clock.advance(1.9)
        received = next(iter(service.connections)).stream.bytes_received
        await peer.send(bytes([byte]))
        await wait_for(
            lambda: (
                not service.connections
                or next(iter(service.connections)).stream.bytes_received > received  # noqa: B023
            )
        )
    assert (await peer.closed()).startswith(b"RTSP/1.0 408 ")


async def test_publisher_in_the_middle_of_frames_is_not_overdue(
    start_server: ServerFactory, clock: Any
) -> None:
    server = await start_server()
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    # Every segment ends inside the next frame, so that something unfinished always waits.
    data = b"".join(frame(0, rtp(seq)) for seq in range(6))
    size = len(data) // 6
    await publisher.peer.send(data[: size // 2])
    for count in range(1, 6):
        clock.advance(4)
        end = size // 2 + count * size
        await publisher.peer.send(data[end - size : end])
        await wait_for(lambda: server.mounts["/a"].tracks[0].packets == count)  # noqa: B023
    assert publisher.session in server.sessions


async def test_idle_connection_without_a_session_is_closed(server: RtspServer, clock: Any) -> None:
    peer = await RtspPeer.connect(server.play_port)
    assert (await peer.ask("OPTIONS", "*")).status == 200
    clock.advance(50)
    assert (await peer.ask("OPTIONS", "*")).status == 200
    clock.advance(50)
    assert (await peer.ask("OPTIONS", "*")).status == 200
    clock.advance(61)
    assert await peer.closed() == b""
    assert server.counters.connections_closed_by_cause == {"idle_connection_timeout_s": 1}


async def test_connection_with_a_session_is_not_idle(
    start_server: ServerFactory, clock: Any
) -> None:
    server = await start_server()
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    for count in range(1, 12):
        clock.advance(8)
        await publisher.send()
        await wait_for(lambda: server.mounts["/a"].tracks[0].packets == count)  # noqa: B023
    assert (await publisher.peer.ask("OPTIONS", "*")).status == 200


async def test_peer_that_takes_nothing_is_cut_off_and_others_go_on(
    start_server: ServerFactory, clock: Any
) -> None:
    settings = Settings(
        mounts=MountSettings(
            publisher_idle_timeout_s=0,
            slow_reader_max_bytes=1 << 30,
            slow_reader_max_age_s=3600,
            slow_reader_policy=SlowReaderPolicy.DROP,
        ),
        limits=LimitSettings(write_stall_timeout_s=5),
    )
    server = await start_server(settings=settings)
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    stalled = await _stalled_reader(server)
    payload = b"\x65" + bytes(1400)
    seq = 0
    while not _queued(server):
        seq += 1
        packet = rtp(seq, payload=payload)
        await publisher.peer.send(frame(0, packet) * 1)
        assert await reader.peer.frame() == (0, packet)
    clock.advance(6)
    await wait_for(lambda: len(server.mounts["/a"].readers) == 1)
    assert server.counters.connections_closed_by_cause["write_stall_timeout_s"] == 1
    packet = rtp(seq + 1, payload=payload)
    await publisher.peer.send(frame(0, packet))
    assert await reader.peer.frame() == (0, packet)
    stalled.close()


async def _stalled_reader(server: RtspServer) -> socket.socket:
    """A reader over TCP that never reads after PLAY, with a receive buffer as small as can be."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", server.play_port))
    sock.setblocking(False)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"), sock=sock)
    reader.peer.writer.transport.pause_reading()
    return sock


def _queued(server: RtspServer) -> bool:
    return any(reader.queued_bytes for reader in server.mounts["/a"].readers)

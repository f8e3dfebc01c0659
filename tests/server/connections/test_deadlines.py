"""Deadlines: peers that keep the server waiting are closed, and counted by what they missed."""

from __future__ import annotations

import itertools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from inside import inside
from logged import event_of
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader, frame, rtp
from udp_peer import wait_for

from headwater import MountSettings, RtspServer, Settings
from headwater.media.settings import SlowReaderPolicy
from headwater.net.settings import SocketSettings
from headwater.relay.limit_settings import LimitSettings

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
    service = inside(server)
    return any(one.message_began_s is not None for one in service.connections)


async def test_slow_loris_gets_no_longer_by_a_byte_now_and_then(
    server: RtspServer, clock: Any
) -> None:
    peer = await RtspPeer.connect(server.play_port)
    service = inside(server)
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


@dataclass
class Stall:
    """A mount with two readers over TCP that take nothing, and one that does."""

    server: RtspServer
    publisher: TcpPublisher
    healthy: TcpReader
    stalled: list[TcpReader]

    @property
    def stalled_sessions(self) -> list[str]:
        """Those of them that are still there."""
        return [one.session for one in self.stalled if one.session in self.server.sessions]

    async def send(self) -> None:
        """Send a packet, which the healthy reader gets."""
        packet = rtp(next(_SEQ), payload=b"\x65" + bytes(1400))
        await self.publisher.peer.send(frame(0, packet))
        assert await self.healthy.peer.frame() == (0, packet)


_SEQ = itertools.count()


@pytest.fixture
async def stall(start_server: ServerFactory) -> AsyncIterator[Callable[..., Awaitable[Stall]]]:
    """Makes servers on which a mount's readers have stalled."""
    sockets: list[socket.socket] = []

    async def make(**of_mounts: Any) -> Stall:
        settings = Settings(
            mounts=MountSettings(publisher_idle_timeout_s=0, **of_mounts),
            limits=LimitSettings(write_stall_timeout_s=5),
            sockets=SocketSettings(tcp_send_buffer_bytes=4096),
        )
        server = await start_server(settings=settings)
        publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
        healthy = await TcpReader.start(server.play_port, server.play_url("/a"))
        stalled = [await _stalled_reader(server, sockets) for _ in range(2)]
        made = Stall(server, publisher, healthy, stalled)
        while sum(one.queued_bytes > 20_000 for one in server.mounts["/a"].readers) < 2:
            await made.send()
        return made

    yield make
    for sock in sockets:
        sock.close()


async def _stalled_reader(server: RtspServer, sockets: list[socket.socket]) -> TcpReader:
    """A reader over TCP that never reads after PLAY, with a receive buffer as small as can be."""
    sock = socket.socket()
    sockets.append(sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", server.play_port))
    sock.setblocking(False)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"), sock=sock)
    reader.peer.stop_reading()
    return reader


async def test_peer_that_takes_nothing_is_cut_off_a_reader_that_plays_is_for_its_mount_to_judge(
    stall: Callable[..., Awaitable[Stall]], clock: Any
) -> None:
    stage = await stall(slow_reader_disconnect_s=0, slow_reader_max_age_s=3600)
    server, (paused, playing) = stage.server, stage.stalled
    await paused.peer.send(paused.peer.request("PAUSE", paused.url, {"Session": paused.session}))
    await wait_for(lambda: server.sessions[paused.session].state == "ready")
    clock.advance(6)
    await wait_for(lambda: paused.session not in server.sessions)
    assert server.counters.connections_closed_by_cause == {"write_stall_timeout_s": 1}
    await stage.send()
    assert stage.stalled_sessions == [playing.session]


async def test_reader_that_may_be_slow_for_ever_ends_without_any_other_sign_of_life(
    stall: Callable[..., Awaitable[Stall]], clock: Any
) -> None:
    stage = await stall(slow_reader_disconnect_s=0)
    server, (silent, alive) = stage.server, stage.stalled
    # The kernels on the way may take a last few bytes, which is a sign of life too.
    for _ in range(10):
        seen_s = server.sessions[alive.session].last_seen_s
        clock.advance(20)
        await alive.peer.send(alive.peer.request("OPTIONS", "*"))
        await wait_for(lambda: server.sessions[alive.session].last_seen_s > seen_s + 19)  # noqa: B023
        await stage.healthy.peer.ask("OPTIONS", "*")
    await wait_for(lambda: silent.session not in server.sessions)
    assert server.counters.sessions_closed_by_cause["session timed out"] == 1
    assert stage.stalled_sessions == [alive.session]


@pytest.mark.parametrize(
    ("policy", "bound_s"), [(SlowReaderPolicy.DROP, 3 + 8), (SlowReaderPolicy.DISCONNECT, 3)]
)
async def test_stalled_readers_of_a_silent_mount_are_closed_as_too_slow(
    stall: Callable[..., Awaitable[Stall]],
    clock: Any,
    caplog: pytest.LogCaptureFixture,
    policy: SlowReaderPolicy,
    bound_s: float,
) -> None:
    stage = await stall(slow_reader_policy=policy, slow_reader_disconnect_s=8)
    clock.advance(bound_s - 1)
    assert (await stage.healthy.peer.ask("OPTIONS", "*")).status == 200
    assert len(stage.stalled_sessions) == 2
    for _ in range(5):
        clock.advance(bound_s)
        assert (await stage.healthy.peer.ask("OPTIONS", "*")).status == 200
    await wait_for(lambda: not stage.stalled_sessions)
    mount = stage.server.mounts["/a"]
    assert mount.slow_disconnects == 2
    assert stage.server.counters.sessions_closed_by_cause == {"too slow for too long": 2}
    lines = [record for record in caplog.records if event_of(record) == "slow reader closed"]
    assert {vars(line)["session"] for line in lines} == {one.session for one in stage.stalled}
    assert {vars(line)["mount"] for line in lines} == {"/a"}
    await stage.send()

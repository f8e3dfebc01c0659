"""The program that the server runs in, as a reader and as a publisher of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from inside import inside
from rtsp_peer import DEADLINE_S, RtspPeer, TcpPublisher, TcpReader, frame
from udp_peer import wait_for

from headwater import (
    EndKind,
    Hooks,
    LimitSettings,
    MountSnapshot,
    PacketBatch,
    RtspServer,
    SessionSnapshot,
    Settings,
)
from headwater.protocol.rtcp_build import picture_loss_indication

ServerFactory = Callable[..., Awaitable[RtspServer]]

SDP = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=program
t=0 0
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack pli
"""


def packets(first: int, count: int = 3) -> list[bytes]:
    """RTP packets of one picture that is no key frame."""
    return [
        b"\x80\x60"
        + (first + number).to_bytes(2, "big")
        + (first * 3600).to_bytes(4, "big")
        + b"\x00\x00\x00\x07\x41\x9a"
        for number in range(count)
    ]


async def test_a_function_reads_what_is_published(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await server.wait_for_mount("/a", DEADLINE_S)
    got: list[bytes] = []
    ends: list[str] = []

    def on_batch(track: int, batch: PacketBatch) -> None:
        assert track == 0
        got.extend(batch.packets)

    reader = server.read("a", on_batch, on_end=ends.append, user_agent="counter")
    sent = await publisher.send()
    await wait_for(lambda: got == sent)
    session = server.sessions[reader.id]
    assert (session.kind, session.user_agent, session.peer) == (EndKind.PYTHON, "counter", "")
    assert (session.state, session.transport, session.tracks) == ("playing", "python", (0,))
    [seen] = server.mounts["/a"].readers
    assert (seen.id, seen.sent_packets) == (reader.id, len(sent))
    assert reader.delivered_packets == len(sent)
    reader.close("seen enough")
    await wait_for(lambda: ends == ["seen enough"])
    assert reader.id not in server.sessions
    assert server.mounts["/a"].readers == ()


async def test_batches_come_one_after_another_until_the_mount_closes(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await server.wait_for_mount("/a", DEADLINE_S)
    reader = server.read("/a")
    sent = await publisher.send()
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets == len(sent))
    await server.close_mount("/a", "over")
    async with asyncio.timeout(DEADLINE_S):
        got = [packet async for _, batch in reader for packet in batch.packets]
    assert got == sent, "what waits when the mount closes is still given"
    assert reader.end_reason == "over"
    await wait_for(lambda: reader.id not in server.sessions)


async def test_a_reader_with_a_function_is_not_iterated(server: RtspServer) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await server.wait_for_mount("/a", DEADLINE_S)
    reader = server.read("/a", lambda _track, _batch: None)
    with pytest.raises(TypeError, match="go to its function"):
        aiter(reader)


async def test_what_the_program_publishes_reaches_every_reader(server: RtspServer) -> None:
    async with server.publish("/out", SDP, user_agent="array") as publisher:
        reader = await TcpReader.start(server.play_port, server.play_url("/out"))
        own: list[bytes] = []
        server.read("/out", lambda _track, batch: own.extend(batch.packets))
        sent = packets(1)
        publisher.publish(0, sent)
        assert [await reader.peer.frame() for _ in sent] == [(0, packet) for packet in sent]
        await wait_for(lambda: own == sent)
        mount = server.mounts["/out"]
        assert mount.publisher is not None
        assert (mount.publisher.transport, mount.publisher.user_agent) == ("python", "array")
        assert server.sessions[publisher.id].state == "recording"
        with pytest.raises(RuntimeError, match="/out has a publisher already"):
            server.publish("/out", SDP)
        peer = await RtspPeer.connect(server.publish_port)
        answer = await peer.ask(
            "ANNOUNCE",
            server.publish_url("/out"),
            {"Content-Type": "application/sdp"},
            SDP.encode(),
        )
        assert answer.status == 503
    assert publisher.end_reason == "publisher left"
    with pytest.raises(RuntimeError, match="the publisher of /out has ended: publisher left"):
        publisher.publish(0, packets(9))


async def test_a_key_frame_that_a_reader_wants_is_asked_of_the_program(
    server: RtspServer, clock: Any
) -> None:
    wanted: list[int] = []
    publisher = server.publish("/out", SDP, on_key_frame_wanted=wanted.append)
    publisher.publish(0, packets(1))
    reader = await TcpReader.start(server.play_port, server.play_url("/out"))
    await wait_for(lambda: wanted == [0])  # it comes and finds no key frame that is kept
    wanted.clear()
    clock.advance(2)
    await reader.peer.send(frame(1, picture_loss_indication(5, 7, cname="reader")))
    await wait_for(lambda: wanted == [0])


async def test_hooks_and_close_are_those_of_every_session(start_server: ServerFactory) -> None:
    told: list[tuple[str, str]] = []

    def started(mount: MountSnapshot, session: SessionSnapshot) -> None:
        told.append((mount.path, session.kind))

    closed: list[SessionSnapshot] = []
    server = await start_server(
        publish_hooks=Hooks(publisher_started=started),
        play_hooks=Hooks(reader_started=started, session_closed=closed.append),
    )
    publisher = server.publish("/out", SDP)
    reader = server.read("/out")
    await wait_for(lambda: told == [("/out", "python")] * 2)
    assert await server.close_session(reader.id, "enough")
    assert reader.end_reason == "enough"
    await wait_for(lambda: [session.id for session in closed] == [reader.id])
    assert await server.close_session(publisher.id)
    assert publisher.end_reason == "closed by the owner"
    assert server.mounts == {}


async def test_a_publisher_that_floods_is_closed_whatever_its_kind(
    start_server: ServerFactory, clock: Any
) -> None:
    settings = Settings(limits=LimitSettings(publisher_packets_per_s=10))
    server = await start_server(settings=settings)
    publisher = server.publish("/out", SDP)
    rates = inside(server).relay.bit_rates
    await wait_for(lambda: publisher.id in rates._begun)
    publisher.publish(0, packets(1, 1000))
    clock.advance(6)
    await wait_for(lambda: publisher.end_reason == "packet rate above the limit")
    assert server.counters.refused_by_limit == {"limits.publisher_packets_per_s": 1}


async def test_who_may_not_come_is_told_why(start_server: ServerFactory) -> None:
    server = await start_server(settings=Settings(limits=LimitSettings(sessions=1)))
    with pytest.raises(LookupError, match=r"nobody publishes on /none; server.wait_for_mount"):
        server.read("/none")
    with pytest.raises(ValueError, match="no SDP to publish"):
        server.publish("/out", "nonsense")
    publisher = server.publish("/out", SDP)
    with pytest.raises(RuntimeError, match=r"the limit sessions \(1\) is reached"):
        server.read("/out")
    publisher.close()
    assert len(inside(server).relay.ends) == 0


async def test_a_function_that_raises_ends_its_reader_and_nothing_else(server: RtspServer) -> None:
    publisher = server.publish("/out", SDP)
    other: list[bytes] = []

    def broken(_track: int, _batch: PacketBatch) -> None:
        raise ZeroDivisionError("a bug of the owner's")

    reader = server.read("/out", broken)
    server.read("/out", lambda _track, batch: other.extend(batch.packets))
    publisher.publish(0, packets(1))
    await wait_for(lambda: reader.end_reason == "its function raised ZeroDivisionError")
    publisher.publish(0, packets(4))
    await wait_for(lambda: len(other) == 6)


async def test_the_end_of_the_server_ends_them(start_server: ServerFactory) -> None:
    server = await start_server()
    ends: list[str] = []
    publisher = server.publish("/out", SDP)
    server.read("/out", lambda _track, _batch: None, on_end=ends.append)
    await server.stop()
    await wait_for(lambda: ends == ["server stopped"])
    assert publisher.end_reason == "server stopped"

"""What `RtspServer.status` says, against what really happens on the wire."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import struct
import threading
from collections.abc import Callable, Generator
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from inside import inside
from logged import event_of
from own_ports import own_port
from pydantic import TypeAdapter
from rtsp_peer import DEADLINE_S, SDP, RtspPeer, TcpPublisher, TcpReader, frame, rtp
from udp_peer import UdpPublisher, UdpReader, wait_for

from headwater import (
    Hooks,
    MountSettings,
    RtspServer,
    ServerStatus,
    Settings,
    ThreadedRtspServer,
)
from headwater.hooks import HookSettings
from headwater.media.snapshot import ReaderSnapshot


def test_a_server_that_does_not_run_has_no_status() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        RtspServer(publish_port=0).status()


async def test_a_server_at_rest(server: RtspServer) -> None:
    status = server.status()
    assert status.state == "running"
    assert status.uptime_s >= 0
    assert (status.ports.publish, status.ports.play) == (server.publish_port, server.play_port)
    assert (status.ports.udp_first, status.ports.udp_last) == (own_port(0), own_port(199))
    assert (status.ports.udp_pairs_in_use, status.ports.udp_pairs_available) == (0, 100)
    assert (status.mounts, status.sessions, status.egresses, status.hooks) == ((), (), (), ())
    assert json.loads(json.dumps(status.to_dict())) == status.to_dict()


async def test_it_cannot_be_changed_and_does_not_change(server: RtspServer) -> None:
    status = server.status()
    with pytest.raises(FrozenInstanceError):
        status.uptime_s = 1.0  # type: ignore[misc]
    peer = await RtspPeer.connect(server.play_port)
    await peer.ask("OPTIONS", "*")
    later = server.status()
    assert (status.counters.requests, later.counters.requests) == (0, 1)
    assert (status.counters.answers_by_status, later.counters.answers_by_status) == ({}, {200: 1})
    assert later.clock_s > status.clock_s


async def test_mounts_sessions_and_bytes(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    sent = await publisher.send(3)
    for _ in sent:
        await reader.peer.frame()
    status = server.status()
    (mount,) = status.mounts
    assert (mount.path, mount.state, mount.readers_total) == ("/a", "live", 1)
    assert [track.encoding for track in mount.tracks] == ["H264", "MPEG4-GENERIC"]
    assert (mount.tracks[0].packets, mount.tracks[0].batches) == (3, 1)
    assert {session.role.value for session in status.sessions} == {"publish", "play"}
    assert status.connections.open == 2
    assert status.connections.bytes_received > sum(map(len, sent))
    assert status.connections.bytes_sent > sum(map(len, sent))


async def test_bytes_of_closed_connections_stay_counted(server: RtspServer) -> None:
    peer = await RtspPeer.connect(server.play_port)
    await peer.ask("OPTIONS", "*")
    before = server.status().connections
    await peer.close()
    await wait_for(lambda: server.status().connections.open == 0)
    after = server.status().connections
    assert (after.bytes_sent, after.bytes_received) == (before.bytes_sent, before.bytes_received)
    assert after.bytes_sent > 0


async def test_udp_readers_sockets_and_what_they_report(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    end = await UdpReader.start(server.play_port, server.play_url("/a"))
    (sent,) = await publisher.send()
    assert await end.packet() == sent
    (egress,) = server.status().egresses
    assert (egress.mount, egress.track, egress.transport) == ("/a", 0, "udp")
    assert (egress.address, egress.port, egress.destinations) == ("127.0.0.1", end.server_port, 1)
    assert (egress.totals.sent_packets, egress.totals.sent_bytes) == (1, len(sent))
    assert server.status().ports.udp_pairs_in_use == 1

    # A receiver report of 64/256 lost lately, 9 in all, jitter 90 (RFC 3550 §6.4.2).
    block = struct.pack(">IIIIII", 0x1234, 64 << 24 | 9, 7, 90, 0, 0)
    report = struct.pack(">BBHI", 0x81, 201, 7, 0x9999) + block
    end.rtcp.sendto(report, ("127.0.0.1", end.server_port + 1))
    await wait_for(lambda: server.mounts["/a"].readers[0].reported_lost_packets)
    (reader,) = server.status().mounts[0].readers
    assert (reader.reported_lost_packets, reader.reported_fraction_lost) == (9, 0.25)

    await end.peer.ask("TEARDOWN", end.url, {"Session": end.session})
    status = server.status()
    assert status.egresses == ()
    assert (status.egress.sent_packets, status.egress.sent_bytes) == (1, len(sent))
    assert status.ports.udp_pairs_in_use == 0


async def test_unreadable_packets_are_drops_by_cause(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    junk = frame(0, b"no RTP") + frame(1, b"no RTCP") + frame(9, b"no channel")
    await publisher.peer.send(junk + frame(0, rtp(1)))
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets)
    drops = server.status().drops
    assert (drops.not_rtp, drops.not_rtcp, drops.unknown_channel) == (1, 1, 1)
    await publisher.peer.ask("TEARDOWN", publisher.url, {"Session": publisher.session})
    await wait_for(lambda: not server.mounts)
    assert server.status().drops == drops


async def test_what_the_kernel_dropped_of_a_publisher_stays_counted(server: RtspServer) -> None:
    publisher = await UdpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    # The server, on the same loop, reads nothing until this is done.
    publisher.send(30_000)
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets)
    mount = server.mounts["/a"]
    assert mount.publisher is not None
    assert mount.publisher.kernel_drops > 0
    assert mount.kernel_drops == mount.publisher.kernel_drops
    await publisher.peer.ask("TEARDOWN", publisher.url, {"Session": publisher.session})
    await wait_for(lambda: server.mounts["/a"].publisher is None)
    assert server.status().drops.kernel_receive >= mount.kernel_drops
    assert reader.session in server.sessions


async def test_a_slow_reader_is_counted_logged_once_a_second_and_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = Settings(
        mounts=MountSettings(slow_reader_max_bytes=65_536, slow_reader_disconnect_s=2.0)
    )
    async with RtspServer(host="127.0.0.1", publish_port=0, settings=settings) as server:
        publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
        beside = await TcpReader.start(server.play_port, server.play_url("/a"))
        reader = await TcpReader.start(server.play_port, server.play_url("/a"))
        reader.peer.stop_reading()
        big = frame(0, rtp(0, payload=b"\x65\x88" + bytes(1200))) * 200

        def slow() -> ReaderSnapshot | None:
            readers = {one.id: one for one in server.status().mounts[0].readers}
            return readers.get(reader.session)

        async def publish_until(condition: Callable[[], object]) -> None:
            # The reader beside it, which takes all, tells when the server has passed it on.
            async with asyncio.timeout(DEADLINE_S):
                while not condition():
                    await publisher.peer.send(big)
                    for _ in range(200):
                        await beside.peer.frame()

        await publish_until(lambda: server.mounts["/a"].dropped_packets)
        seen = slow()
        assert seen is not None
        assert seen.dropped_packets > 0
        assert seen.dropped_bytes >= seen.dropped_packets * 1200
        assert seen.queued_bytes > 65_536
        assert server.status().connections.queued_bytes >= seen.queued_bytes
        assert seen.oldest_queued_s > 0
        await publish_until(lambda: server.mounts["/a"].slow_disconnects)
        status = server.status()
        assert [one.id for one in status.mounts[0].readers] == [beside.session]
        assert status.drops.missed_by_readers >= seen.dropped_packets
        RtspPeer.forget_all()
    lines = [record for record in caplog.records if "packets dropped" in event_of(record)]
    assert 1 <= len(lines) <= 3
    fields = vars(lines[0])
    assert (fields["mount"], fields["session"]) == ("/a", seen.id)
    assert fields["dropped_packets"] > 0


async def test_hooks_and_access() -> None:
    hooks = Hooks()

    @hooks.check_mount
    def refuse(request: Any) -> bool:
        return str(request.path) != "/no"

    async with RtspServer(host="127.0.0.1", publish_port=0, play_hooks=hooks) as server:
        peer = await RtspPeer.connect(server.play_port)
        await peer.ask("DESCRIBE", server.play_url("/no"))
        status = server.status()
        (hook,) = status.hooks
        assert (hook.side, hook.hook, hook.functions, hook.calls) == ("play", "check_mount", 1, 1)
        assert status.access.granted == 1
        RtspPeer.forget_all()


async def test_threads_that_hang_in_a_hook_are_told() -> None:
    released = threading.Event()

    def check(request: Any) -> bool:
        return released.wait(30)

    settings = Settings(hooks=HookSettings(timeout_s=0.05, max_threads=2, max_stuck_threads=3))
    async with RtspServer(
        host="127.0.0.1", publish_port=0, play_hooks=Hooks(check_mount=check), settings=settings
    ) as server:
        assert server.status().hook_threads == ()
        peer = await RtspPeer.connect(server.play_port)
        assert (await peer.ask("DESCRIBE", server.play_url("/a"))).status == 503
        (threads,) = server.status().hook_threads
        released.set()
        assert (threads.side, threads.purpose) == ("play", "decide")
        assert (threads.alive, threads.stuck, threads.most) == (1, 1, 5)
        await wait_for(lambda: not any(one.stuck for one in server.status().hook_threads))
        RtspPeer.forget_all()


async def test_a_status_survives_those_who_leave_while_it_is_made(server: RtspServer) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    for _ in range(100):
        await TcpReader.start(server.play_port, server.play_url("/a"))
    steps = inside(server).report.steps()
    next(steps)
    RtspPeer.forget_all()
    await wait_for(lambda: not server.sessions)
    assert _finished(steps).sessions == ()


def test_a_threaded_server_tells_too(tmp_path: Any) -> None:
    with ThreadedRtspServer(host="127.0.0.1", publish_port=0) as server:
        assert server.status().ports.publish == server.publish_port
        path = server.open_status_socket(str(tmp_path / "a.sock"))
        assert (tmp_path / "a.sock").exists()
        assert path == str(tmp_path / "a.sock")
    assert not (tmp_path / "a.sock").exists()


def _finished(steps: Generator[None, None, ServerStatus]) -> ServerStatus:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            status: ServerStatus = end.value
            return status


async def test_a_status_is_json_however_a_program_turns_it_into_json(server: RtspServer) -> None:
    """By its own method, by the standard library, and by pydantic as web frameworks do."""
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await TcpReader.start(server.play_port, server.play_url("/a"))
    status = server.status()
    plain = json.loads(json.dumps(status.to_dict()))
    assert plain["counters"]["answers_by_status"] == {"200": 6}
    assert json.loads(json.dumps(dataclasses.asdict(status))) == plain
    assert json.loads(TypeAdapter(ServerStatus).dump_json(status)) == plain
    snapshots: list[Any] = [server.health(), server.counters, *server.sessions.values()]
    for snapshot in snapshots:
        assert json.loads(json.dumps(dataclasses.asdict(snapshot)))
    assert json.loads(json.dumps({k: dataclasses.asdict(v) for k, v in server.mounts.items()}))
